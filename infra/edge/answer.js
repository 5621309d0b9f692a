const SETTINGS = {}; // settings

// Viewer response of both behaviours; CloudFront runs it on what the origin answers below 400.

const STORED = /^\/[a-z0-9_-]+\/edge\/[a-z0-9_-]+\/([0-9a-f]{64})$/;
const UPLOAD = /^\/v2\/([a-z0-9._\/-]+)\/blobs\/uploads\/[A-Za-z0-9_-]+$/;
const DIGEST = /^sha256:([0-9a-f]{64})$/;
const OF_API_GATEWAY = /^x-amzn-remapped-|^x-amzn-trace-id$|^x-amz-apigw-id$|^x-amzn-requestid$/;
const OF_S3 = /^x-amz-|^etag$|^server$|^last-modified$|^accept-ranges$|^content-type$/;

function handler(event) {
  const response = event.response;
  const blob = blobOf(event);
  if (blob) {
    stored(response, blob);
  } else {
    restored(response);
  }
  return response;
}

// What the bucket has just taken, as {name, hex}; null for every other answer. AWS does not say
// whether the request here is the viewer's or the one that upload.js made of it: both are read.
// The API answers no PUT with 200.
function blobOf(event) {
  const request = event.request;
  if (request.method !== 'PUT' || event.response.statusCode !== 200) {
    return null;
  }
  const viewers = request.uri.indexOf('/_up/') === 0;
  const noted = request.headers['x-roadstead-upload'];
  const digest = request.querystring.digest;
  const hex = viewers ? DIGEST.exec(digest ? decodeURIComponent(digest.value) : '') : STORED.exec(request.uri);
  const path = UPLOAD.exec(viewers ? request.uri.slice('/_up'.length) : (noted ? noted.value : ''));
  return hex ? {name: path ? path[1] : '', hex: hex[1]} : null;
}

// S3's 200 becomes the 201 that clients want, with the digest that S3 has compared.
function stored(response, blob) {
  const digest = 'sha256:' + blob.hex;
  without(response.headers, OF_S3);
  response.statusCode = 201;
  response.statusDescription = 'Created';
  response.headers['docker-content-digest'] = {value: digest};
  if (blob.name) {
    response.headers.location = {value: '/v2/' + blob.name + '/blobs/' + digest};
  }
  response.headers['docker-distribution-api-version'] = {value: 'registry/2.0'};
  response.headers['content-length'] = {value: '0'};
}

// What API Gateway would have renamed, under its own name again.
function restored(response) {
  const headers = response.headers;
  const range = headers['x-amzn-remapped-range'];
  if (range && !headers.range) {
    headers.range = {value: range.value};
  }
  const status = headers['x-roadstead-status'];
  if (response.statusCode === 299 && status && /^4[0-9][0-9]$/.test(status.value)) {
    response.statusCode = Number(status.value);
    response.statusDescription = status.value === '401' ? 'Unauthorized' : 'Refused';
    if (headers['x-roadstead-challenge']) {
      headers['www-authenticate'] = {value: headers['x-roadstead-challenge'].value};
    }
  }
  delete headers['x-roadstead-status'];
  delete headers['x-roadstead-challenge'];
  without(headers, OF_API_GATEWAY);
}

function without(headers, pattern) {
  Object.keys(headers).forEach(function (name) {
    if (pattern.test(name)) {
      delete headers[name];
    }
  });
}
