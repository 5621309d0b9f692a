import cf from 'cloudfront';
import crypto from 'crypto';
const SETTINGS = {}; // settings

// Viewer request of /_up/*: who holds a signed address uploads a blob. One PUT of known length and
// digest goes to S3, which takes no other bytes; what S3 cannot take goes to the gateway or the API.

const PATH = /^\/_up(\/v2\/[a-z0-9._\/-]+\/blobs\/uploads\/[A-Za-z0-9_-]+)$/;
const TOKEN = /^([0-9]{1,12})\.([a-z0-9_-]+\/edge\/[a-z0-9_-]+)\.([0-9a-f]{64})$/;
const DIGEST = /^sha256:([0-9a-f]{64})$/;
const MOST_OF_ONE_PUT = 5368709120;
const INLINE = SETTINGS.inlineBytes || 4500000;

// What S3 would store with the object, or heed, beside the bytes.
const NOT_FOR_S3 = ['authorization', 'content-encoding', 'content-disposition', 'content-language',
  'content-md5', 'cache-control', 'expires', 'if-match', 'if-none-match', 'if-modified-since',
  'if-unmodified-since', 'x-roadstead-edge', 'x-forwarded-host'];

const WAYS = 'use a client that sends a blob whole (docker 29 or containerd, oras), or `roadstead push`, ' +
  'or `roadstead proxy`, or ask the operator for a gateway';

function handler(event) {
  const request = event.request;
  const path = whole(PATH, request.uri);
  const place = path && placeOf(path[1], request.querystring._up);
  if (!place) {
    return refusal(403, 'Forbidden', 'DENIED',
      "this upload's address is not valid or has run out; begin the upload again");
  }
  const length = lengthOf(request.headers);
  const digest = whole(DIGEST, single(request.querystring.digest) || '');
  if (request.method === 'PUT' && length > 0 && digest) {
    if (length > MOST_OF_ONE_PUT && SETTINGS.gateway === 'on') {
      return onwards(request, path[1], 'gateway');
    }
    if (length > MOST_OF_ONE_PUT) {
      return refusal(413, 'Content Too Large', 'SIZE_INVALID',
        'a blob of ' + length + ' bytes is more than S3 takes at once (5 GiB): use `roadstead push`, ' +
        'or `roadstead proxy`, or ask the operator for a gateway');
    }
    return toBucket(request, path[1], place, digest[1]);
  }
  // No length can still mean bytes: chunked, or a stream of HTTP/2.
  const brings = request.method === 'PATCH' || (request.method === 'PUT' && length !== 0);
  if (brings && SETTINGS.gateway === 'on') {
    return onwards(request, path[1], 'gateway');
  }
  if (brings && length > INLINE) {
    return refusal(413, 'Content Too Large', 'SIZE_INVALID',
      length + ' bytes are more than this way in takes (' + INLINE + '): ' + WAYS);
  }
  return onwards(request, path[1], 'api');
}

// A match of all of a text: in PCRE, which njs may use, `$` also fits before a last newline.
function whole(pattern, text) {
  const found = pattern.exec(text);
  return found && found[0] === text ? found : null;
}

// The place in the bucket that the token names; null when it is none of ours, or has run out.
function placeOf(path, parameter) {
  const token = whole(TOKEN, single(parameter) || '');
  if (!token) {
    return null;
  }
  const signed = 'upload\n' + path + '\n' + token[1] + '\n' + token[2];
  const keys = SETTINGS.keys || [];
  let good = false;
  for (let i = 0; i < keys.length; i++) {
    // All keys are tried, so that the time says nothing about which one fits.
    good = same(sign(keys[i], signed), token[3]) || good;
  }
  return good && Number(token[1]) > Date.now() / 1000 ? token[2] : null;
}

function sign(key, text) {
  return crypto.createHmac('sha256', Buffer.from(key, 'hex')).update(text).digest('hex');
}

// Compared to the end, wherever they differ.
function same(one, other) {
  let differs = one.length ^ other.length;
  for (let i = 0; i < one.length; i++) {
    differs |= one.charCodeAt(i) ^ other.charCodeAt(i);
  }
  return differs === 0;
}

// The one value of a query parameter, percent-decoded once; null for several, and for nonsense.
function single(parameter) {
  if (!parameter || (parameter.multiValue && parameter.multiValue.length > 1)) {
    return null;
  }
  try {
    return decodeURIComponent(parameter.value);
  } catch (error) {
    return null;
  }
}

// The declared length; null without one, or with one that says two things.
function lengthOf(headers) {
  const given = headers['content-length'];
  if (!given || given.multiValue || headers['transfer-encoding'] || !/^[0-9]{1,15}$/.test(given.value)) {
    return null;
  }
  return Number(given.value);
}

// The digest becomes the key and both of S3's checks; CloudFront signs after this.
function toBucket(request, path, place, hex) {
  const headers = request.headers;
  Object.keys(headers).forEach(function (name) {
    if (name.indexOf('x-amz-') === 0 || NOT_FOR_S3.indexOf(name) >= 0) {
      delete headers[name];
    }
  });
  headers['content-type'] = {value: 'application/octet-stream'};
  headers['x-amz-content-sha256'] = {value: hex};
  headers['x-amz-checksum-sha256'] = {value: Buffer.from(hex, 'hex').toString('base64')};
  // answer.js may be shown this request, in which no name is left.
  headers['x-roadstead-upload'] = {value: path};
  request.cookies = {};
  request.querystring = {};
  request.uri = '/' + place + '/' + hex;
  return request;
}

function onwards(request, path, origin) {
  const headers = request.headers;
  cf.selectRequestOriginById(origin);
  request.uri = path;
  delete request.querystring._up;
  delete headers['x-roadstead-edge'];
  delete headers['x-roadstead-upload'];
  headers['x-forwarded-host'] = {value: headers.host ? headers.host.value : ''};
  if (!headers.accept) {
    headers.accept = {value: '*/*'};
  }
  return request;
}

function refusal(status, reason, code, message) {
  return {
    statusCode: status,
    statusDescription: reason,
    headers: {
      'docker-distribution-api-version': {value: 'registry/2.0'},
      'content-type': {value: 'application/json'},
      'cache-control': {value: 'no-store'},
      'x-content-type-options': {value: 'nosniff'}
    },
    body: {encoding: 'text', data: JSON.stringify({errors: [{code: code, message: message}]})}
  };
}
