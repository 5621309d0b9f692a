'use strict';

// Lambda@Edge, origin response of /_up/* and of v1's layers: what API Gateway and S3 refuse by
// themselves gets a registry's words. A CloudFront Function does not run from 400 up; this one does.
// It is not shown the origin's body, so the status and the path have to do.

const WAYS = 'use a client that sends a blob whole (docker 29 or containerd, oras), or `roadstead push`, ' +
  'or `roadstead proxy`, or ask the operator for a gateway';
const STORED = /^\/[a-z0-9_-]+\/edge\/[a-z0-9_-]+\/[0-9a-f]{64}$/;
// Of the origin's headers: CloudFront lets nobody touch the first two, AWS's support asks for the others.
const KEPT = ['transfer-encoding', 'via', 'x-amz-request-id', 'x-amz-id-2', 'x-amz-apigw-id'];
const AGAIN_S = '5';

// What is said, by the origin's status: [status, reason, code, message]. At a SIZE_INVALID docker
// sends the layer five times over, podman and buildah four times; all of them end at once at a DENIED.
const OF_ANY = {
  411: [411, 'Length Required', 'SIZE_INVALID', 'the bytes have to come with their length: ' + WAYS],
  413: [413, 'Content Too Large', 'DENIED', 'this layer is more than this way in takes: ' + WAYS],
  429: [429, 'Too Many Requests', 'TOOMANYREQUESTS', 'too many requests; try again in a moment'],
  503: [503, 'Service Unavailable', 'UNAVAILABLE', 'the registry is not to be had now; try again in a moment']
};
const OF_BUCKET = {
  400: [400, 'Bad Request', 'DIGEST_INVALID', 'the bytes that came are not those of the digest, or not all of them'],
  403: [403, 'Forbidden', 'DENIED', 'the bucket refused the upload; begin the upload again'],
  501: [411, 'Length Required', 'SIZE_INVALID', OF_ANY[411][3]]
};

exports.handler = async (event) => {
  const cf = event.Records[0].cf;
  const status = Number(cf.response.status);
  return status < 400 || isOurs(cf.response.headers) ? cf.response : explained(cf, status);
};

// All that the registry says by itself says so.
function isOurs(headers) {
  return Boolean(headers['docker-distribution-api-version'] || headers['x-docker-registry-version']);
}

function explained(cf, status) {
  const request = cf.request;
  const [code, reason, name, message] = found(request, status);
  const isV1 = request.uri.startsWith('/v1/');
  const headers = {};
  KEPT.filter((each) => cf.response.headers[each]).forEach((each) => {
    headers[each] = cf.response.headers[each];
  });
  set(headers, 'Content-Type', 'application/json');
  set(headers, 'Cache-Control', 'no-store');
  set(headers, 'X-Content-Type-Options', 'nosniff');
  set(headers, isV1 ? 'X-Docker-Registry-Version' : 'Docker-Distribution-Api-Version', isV1 ? '0.9.1' : 'registry/2.0');
  if (code === 429 || code >= 500) {
    set(headers, 'Retry-After', AGAIN_S);
  }
  const body = isV1 ? {error: message} : {errors: [{code: name, message: message}]};
  return {
    status: String(code),
    statusDescription: reason,
    headers: headers,
    bodyEncoding: 'text',
    body: request.method === 'HEAD' ? '' : JSON.stringify(body)
  };
}

function found(request, status) {
  // The request is documented to be the one that upload.js made; the viewer's is understood too.
  const isStored = request.method === 'PUT' && (STORED.test(request.uri) || request.uri.startsWith('/_up/'));
  return (isStored && OF_BUCKET[status]) || OF_ANY[status] || (status >= 500
    ? [status, 'Failed', 'UNAVAILABLE', 'the registry failed; try again in a moment']
    : [status, 'Refused', 'UNKNOWN', 'the request was refused before it reached the registry']);
}

function set(headers, key, value) {
  headers[key.toLowerCase()] = [{key: key, value: value}];
}
