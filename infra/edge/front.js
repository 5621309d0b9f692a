import cf from 'cloudfront';
const SETTINGS = {}; // settings

// Viewer request of everything but uploads. API Gateway renames the challenge of a 401, so whoever
// comes without a login is asked here, in the words of chalicelib/web/challenge.py.

// Methods, end of the path below the repository's name, what to ask for. As in
// chalicelib/web/endpoints.py the row that leaves least to the name is meant: long ends first.
const ROWS = [
  ['POST', '_roadstead/uploads/*/whole', 'pull,push'],
  ['POST', '_roadstead/uploads/*/claim', 'pull,push'],
  ['POST', '_roadstead/uploads/*/parts', 'pull,push'],
  ['POST', '_roadstead/uploads/*/advance', 'pull,push'],
  ['GET HEAD', '_roadstead/tags/*/history', 'pull'],
  ['GET HEAD', '_roadstead/tags/*/expiry', 'pull'],
  ['PUT', '_roadstead/tags/*/expiry', 'pull,push'],
  ['GET HEAD', '_roadstead/tags/rules', 'pull'],
  ['PUT', '_roadstead/tags/rules', '*'],
  ['GET HEAD', '_roadstead/retention/preview', '*'],
  ['GET HEAD', '_roadstead/retention', 'pull'],
  ['PUT', '_roadstead/retention', '*'],
  ['GET HEAD', '_roadstead/expiry', 'pull'],
  ['PUT', '_roadstead/expiry', '*'],
  ['GET HEAD PATCH PUT DELETE', 'blobs/uploads/*', 'pull,push'],
  ['POST', 'blobs/uploads', 'pull,push'],
  ['GET HEAD', 'blobs/*', 'pull'],
  ['DELETE', 'blobs/*', 'delete'],
  ['GET HEAD', 'manifests/*', 'pull'],
  ['PUT', 'manifests/*', 'pull,push'],
  ['DELETE', 'manifests/*', 'delete'],
  ['GET HEAD', 'tags/list', 'pull'],
  ['GET HEAD', 'referrers/*', 'pull']
];

// Bodies that a function may not be able to take: layers of v1, and blobs by a session's own address.
const BODIES = /^\/v1\/images\/[^\/]+\/layer$|^\/v2\/.+\/blobs\/uploads\/[^\/]*$/;
const INLINE = SETTINGS.inlineBytes || 4500000;

// A repository's name, as in chalicelib/domain/names.py.
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;

// A team's name as a host's first label, as in chalicelib/web/hosts.py.
const LABEL = /^[a-z0-9]+(?:(?:_|__|-+)[a-z0-9]+)*$/;

function handler(event) {
  const request = event.request;
  const headers = request.headers;
  const scope = asks(request) ? scopeOf(request) : null;
  if (scope !== null) {
    return refusal(request, scope);
  }
  delete headers['x-roadstead-edge'];
  delete headers['x-roadstead-upload'];
  headers['x-forwarded-host'] = {value: hostOf(request)};
  if (!headers.accept) {
    // Without it API Gateway hands bytes on as base64.
    headers.accept = {value: '*/*'};
  }
  if (SETTINGS.gateway === 'on' && BODIES.test(request.uri) && isLarge(request)) {
    cf.selectRequestOriginById('gateway');
  }
  return request;
}

// More than the API takes, or perhaps more: a body whose length is not said.
function isLarge(request) {
  const given = request.headers['content-length'];
  const known = given && !given.multiValue && /^[0-9]{1,15}$/.test(given.value);
  if (request.method !== 'PUT' && request.method !== 'PATCH') {
    return request.method === 'POST' && known && Number(given.value) > INLINE;
  }
  return !known || Number(given.value) > INLINE;
}

// Whether nobody may come this way without a login: then it need not go as far as the API.
function asks(request) {
  const given = request.headers.authorization;
  if (given && given.value.trim()) {
    return false;
  }
  if (SETTINGS.challenge !== 'bearer' && !(SETTINGS.challenge === 'basic' && SETTINGS.anonymous === 'off')) {
    return false;
  }
  const host = hostOf(request).split(':')[0].toLowerCase();
  return !(SETTINGS.v1Hosts || '').split(',').some(function (name) {
    return name.trim().toLowerCase() === host;
  });
}

// The scope to ask for, empty where there is none; null where the API has to say what this is:
// what is none of v2's endpoints (404, 405), a name that cannot be (400), the address of tokens
// itself, and what belongs to accounts.
function scopeOf(request) {
  const path = decoded(request.uri);
  if (path !== '/v2' && (path === null || path.indexOf('/v2/') !== 0)) {
    return null;
  }
  const method = request.method;
  const rest = path.slice('/v2/'.length, path.charAt(path.length - 1) === '/' ? -1 : path.length);
  if (rest === '' || rest === '_catalog') {
    const reads = method === 'GET' || method === 'HEAD';
    return reads ? (rest && 'registry:catalog:*') : null;
  }
  const parts = rest.split('/');
  for (let i = 0; i < ROWS.length; i++) {
    const name = ROWS[i][0].split(' ').indexOf(method) < 0 ? '' : nameBefore(parts, ROWS[i][1].split('/'));
    if (name) {
      const valid = NAME.exec(name);
      // All of it: in PCRE, which njs may use, `$` also fits before a last newline.
      if (!valid || valid[0] !== name) {
        return null;
      }
      const from = ROWS[i][1] === 'blobs/uploads' ? decoded(last(request.querystring.from).replace(/\+/g, ' ')) : '';
      const team = teamOf(request);
      return 'repository:' + shown(team, name) + ':' + ROWS[i][2] +
        (from ? ' repository:' + shown(team, from) + ':pull' : '');
    }
  }
  return null;
}

// The team whose host this is, as in chalicelib/web/hosts.py; empty on every other host.
function teamOf(request) {
  const suffix = (SETTINGS.teamHosts || '').slice(1);
  const host = hostOf(request).split(':')[0].toLowerCase();
  const start = host.length - suffix.length;
  if (!suffix || host === SETTINGS.host || start < 2 || start > 64 || host.slice(start) !== suffix) {
    return '';
  }
  const team = host.slice(0, start);
  const label = LABEL.exec(team);
  return label && label[0] === team && (SETTINGS.reserved || []).indexOf(team) < 0 ? team : '';
}

// A repository's name as it is called on a team's own host: without the team, where that would come
// back as the same.
function shown(team, name) {
  const long = full(team, name);
  const short = long.slice(team.length + 1);
  return team && short && full(team, short) === long ? short : long;
}

function full(team, name) {
  if (!team || name === team || name.indexOf(team + '/') === 0) {
    return name;
  }
  return team + '/' + (name.indexOf('library/') === 0 ? name.slice('library/'.length) : name);
}

// What stands before this end of a path; empty when the path ends differently.
function nameBefore(parts, end) {
  const start = parts.length - end.length;
  for (let i = 0; i < end.length; i++) {
    if (start < 1 || !(end[i] === '*' ? parts[start + i] : parts[start + i] === end[i])) {
      return '';
    }
  }
  return parts.slice(0, start).join('/');
}

function refusal(request, scope) {
  let challenge = 'Basic realm="Roadstead"';
  if (SETTINGS.challenge === 'bearer') {
    const origin = (SETTINGS.proto === 'http' ? 'http://' : 'https://') + quoted(hostOf(request));
    challenge = 'Bearer realm="' + origin + '/v2/token",service="roadstead"' + (scope && ',scope="' + quoted(scope) + '"');
  }
  const answer = {
    statusCode: 401,
    statusDescription: 'Unauthorized',
    headers: {
      'www-authenticate': {value: challenge},
      'docker-distribution-api-version': {value: 'registry/2.0'},
      'content-type': {value: 'application/json'},
      'cache-control': {value: 'no-store'},
      'x-content-type-options': {value: 'nosniff'}
    }
  };
  if (request.method !== 'HEAD') {
    const errors = [{code: 'UNAUTHORIZED', message: 'authentication required'}];
    answer.body = {encoding: 'text', data: JSON.stringify({errors: errors})};
  }
  return answer;
}

function hostOf(request) {
  return request.headers.host ? request.headers.host.value : '';
}

// The last value of a query parameter, as API Gateway has it; empty without one.
function last(parameter) {
  if (!parameter) {
    return '';
  }
  const many = parameter.multiValue;
  return many && many.length ? many[many.length - 1].value : parameter.value;
}

// Percent-decoded, once; null for what cannot be.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    return null;
  }
}

// For between quotes: without what could end them, or the header.
function quoted(text) {
  return text.replace(/[^\x20-\x7e]|["\\]/g, '');
}
