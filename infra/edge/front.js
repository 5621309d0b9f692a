const SETTINGS = {}; // settings

// Viewer request of everything but uploads. API Gateway renames the challenge of a 401, so who
// comes without a login is asked here, in the words of chalicelib/web/challenge.py.

const NAME = '(.+)';
// Method, path, what to ask for; the first that fits counts. A name may hold slashes, so the
// patterns that leave less to the name stand before the others, as chalicelib/web/endpoints.py has it.
const ROWS = [
  ['GET HEAD', '', ''],
  ['GET HEAD', '/_catalog', 'registry:catalog:*'],
  ['POST', '/' + NAME + '/_roadstead/uploads/[^/]+/(?:whole|claim|parts|advance)', 'pull,push'],
  ['GET HEAD', '/' + NAME + '/_roadstead/tags/[^/]+/history', 'pull'],
  ['GET HEAD', '/' + NAME + '/_roadstead/tags/rules', 'pull'],
  ['PUT', '/' + NAME + '/_roadstead/tags/rules', '*'],
  ['GET HEAD PATCH PUT DELETE', '/' + NAME + '/blobs/uploads/[^/]+', 'pull,push'],
  ['POST', '/' + NAME + '/blobs/uploads', 'pull,push'],
  ['GET HEAD', '/' + NAME + '/blobs/[^/]+', 'pull'],
  ['DELETE', '/' + NAME + '/blobs/[^/]+', 'delete'],
  ['GET HEAD', '/' + NAME + '/manifests/[^/]+', 'pull'],
  ['PUT', '/' + NAME + '/manifests/[^/]+', 'pull,push'],
  ['DELETE', '/' + NAME + '/manifests/[^/]+', 'delete'],
  ['GET HEAD', '/' + NAME + '/tags/list', 'pull'],
  ['GET HEAD', '/' + NAME + '/referrers/[^/]+', 'pull']
];

function handler(event) {
  const request = event.request;
  const headers = request.headers;
  if (asks(request)) {
    const answer = challenge(request);
    if (answer) {
      return answer;
    }
  }
  delete headers['x-roadstead-edge'];
  delete headers['x-roadstead-upload'];
  headers['x-forwarded-host'] = {value: headers.host ? headers.host.value : ''};
  if (!headers.accept) {
    // Without it API Gateway hands bytes on as base64.
    headers.accept = {value: '*/*'};
  }
  return request;
}

// Whether nobody may come this way without a login: then he need not come as far as the API.
function asks(request) {
  const kind = SETTINGS.challenge;
  const given = request.headers.authorization;
  if ((given && given.value.trim()) || !(request.uri === '/v2' || request.uri.indexOf('/v2/') === 0)) {
    return false;
  }
  if (kind !== 'bearer' && !(kind === 'basic' && SETTINGS.anonymous === 'off')) {
    return false;
  }
  const host = (request.headers.host ? request.headers.host.value : '').split(':')[0].toLowerCase();
  const hosts = (SETTINGS.v1Hosts || '').toLowerCase().split(',');
  for (let i = 0; i < hosts.length; i++) {
    if (hosts[i].trim() && hosts[i].trim() === host) {
      return false;
    }
  }
  return true;
}

// The 401; or nothing where the API has to say what this is: paths and methods that are none of
// the table's, the token's own address, and what belongs to accounts.
function challenge(request) {
  const path = decoded(request.uri);
  if (path === null || /^\/v2\/(token|_roadstead)(\/|$)/.test(path)) {
    return null;
  }
  const rest = path.replace(/\/$/, '').slice(3);
  for (let i = 0; i < ROWS.length; i++) {
    const found = new RegExp('^' + ROWS[i][1].replace(/\[\^\/\]/g, '[^/]') + '$').exec(rest);
    if (found && ROWS[i][0].split(' ').indexOf(request.method) >= 0) {
      return refusal(request, SETTINGS.challenge === 'basic' ? 'Basic realm="Roadstead"'
        : bearer(request, ROWS[i][2], found[1], /\/blobs\/uploads$/.test(rest)));
    }
  }
  return null;
}
