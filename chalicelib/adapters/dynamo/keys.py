"""The key layout of the table: partition key PK and sort key SK, both strings.

    PK                              SK                  item
    TEAM#<team>                     repo#<path>         a repository, and its line in the catalog
    TEAM#<team>                     #                   a team that people share; a user's has none
    TEAM#<team>                     member#<user>       a member, with the role
    TEAM#<team>                     invite#<hash>       an invitation to a team; expires
    TEAM#<team>                     bytes#<n>           an eighth of the bytes of its blobs
    TEAM#<team>                     pulls#<day>         how many pulls on a day; expires
    REPO#<team>#<path>              tag#<tag>           a tag as lists show it, without bytes
    REPO#<team>#<path>              man#<digest>        "this manifest is here", without bytes
    REPO#<team>#<path>              blob#<digest>       link: this repository may serve the blob
    REPO#<team>#<path>              v1img#<image id>    an entry of the v1 image list
    REPO#<team>#<path>              v1man#<image id>    the manifest that shows a v1 image, or
                                                        another manifest in other types
    REPO#<team>#<path>              ref#<subject>#<order>        a manifest with that subject
    REPO#<team>#<path>              par#<child>#<digest>         an index that names the child
    REPO#<team>#<path>              edge#               where the edge keeps what it takes
    REPO#<team>#<path>              hist#<tag>#<order>           what a tag was pointed to, and when
    TAG#<team>#<path>#<tag>         #                   a tag with its manifest: one read is a pull
    MAN#<team>#<path>#<digest>      #                   a manifest
    BLOB#<team>#<digest>            #                   a blob of the team, whoever links it
    UP#<team>#<upload id>           #                   an upload session; expires
    IMG#<team>#<image id>           #                   a v1 image
    IMG#<team>#<image id>           json#<hash>#<n>     what of its json does not fit beside it
    REPO#<team>#<path>              grant#<user>        what the owner lets somebody else do
    IMG#<team>#<image id>           in#<path>           a repository that lists it
    USER#<name>                     #                   an account
    USER#<name>                     grant#<path>        the same grant, found by whom it is for
    USER#<name>                     token#<id>          an API token; may expire; of a team, the
                                                        team's name stands for the user's
    USER#<name>                     member#<team>       the same membership, found by the member
    EMAIL#<address>                 #                   whose address this is: each only once
    FAIL#name|address#<of what>     #                   wrong passwords; expires
    INVITE#<hash>                   #                   an invitation; expires
    COLLECT#<scope>                 #                   where the collector is
    FIND#<scope>#<letter>           <word>#<path>       a repository by a word of it
    FIND#<scope>#                   #<path>             every repository of a scope
    USE#<team>                      day#<day>#<repository>#<n>   what was counted; expires
    USE#<team>                      past#<life>#<user>  a last owner of one that has gone; expires
    USE#                            team#<team>         a team that has counts; expires
    SEEN#<process>                  #                   which of its lines that were; expires
    TEAM#<team>                     hook#<id>           a webhook, of the team or a repository
    TOLD#<team>                     <once>              an event that is noted only once; expires
    EVENTS#<team>#<path>            <order>             an event that is still to be told
    HOOK#<team>#<id>                due#<path>#<order>  a delivery that waits, in its lane
    HOOK#<team>#<id>                lane#<path>         who is at a lane
    HOOK#<team>#<id>                done#<order>        a delivery that is over; expires

What is read often and alone has a partition of its own, so that no repository is a hot one; what
is listed shares a partition, where DynamoDB keeps it sorted by the bytes of SK. `#` stands in no
team, name, tag, digest or id, so no two facts can meet in one key.
"""

from __future__ import annotations

from typing import NamedTuple

from chalicelib.domain.digest import Digest
from chalicelib.domain.names import RepositoryName, TagName

ALONE = "#"

REPOSITORIES = "repo#"
TAGS = "tag#"
MANIFESTS = "man#"
LINKS = "blob#"
INDEX_IMAGES = "v1img#"
GRANTS = "grant#"
HOLDERS = "in#"
BRIDGED = "v1man#"
REFERRERS = "ref#"
PARENTS = "par#"
HISTORY = "hist#"
EDGE = "edge#"
API_TOKENS = "token#"
PIECES = "json#"
MEMBERS = "member#"
BYTES_SHARDS = 8
DAYS = "day#"
PAST = "past#"
TEAMS = "team#"
HOOKS = "hook#"
DUE = "due#"
LANES = "lane#"
DONE = "done#"

# The longest thing listed is a name of 255 characters. DynamoDB refuses a sort key above 1024
# bytes, and whatever is longer than every entry sorts among them as its beginning does.
_MAX_AFTER_BYTES = 600


class Key(NamedTuple):
    pk: str
    sk: str


def repository(team: str, name: RepositoryName) -> Key:
    return Key(catalog(team), f"{REPOSITORIES}{name.path}")


def team(name: str) -> Key:
    return Key(catalog(name), ALONE)


def memberships(team: str, user: str) -> tuple[Key, Key]:
    """The two places of a membership, the team's first."""
    return Key(catalog(team), f"{MEMBERS}{user}"), Key(f"USER#{user}", f"{MEMBERS}{team}")


def team_invitation(team: str, hashed: str) -> Key:
    return Key(catalog(team), f"invite#{hashed}")


def bytes_shard(team: str, number: int) -> Key:
    return Key(catalog(team), f"bytes#{number}")


def bytes_shards(team: str) -> list[Key]:
    return [bytes_shard(team, number) for number in range(BYTES_SHARDS)]


def shard_of(digest: Digest) -> int:
    """Which eighth a blob is counted in: writers of one team seldom meet."""
    return int(digest.hex[-2:], 16) % BYTES_SHARDS


def pulls(team: str, day: int) -> Key:
    return Key(catalog(team), f"pulls#{day}")


def tag_entry(team: str, name: RepositoryName, tag: TagName) -> Key:
    return Key(contents(team, name), f"{TAGS}{tag.value}")


def manifest_entry(team: str, name: RepositoryName, digest: Digest) -> Key:
    return Key(contents(team, name), f"{MANIFESTS}{digest}")


def link(team: str, name: RepositoryName, digest: Digest) -> Key:
    return Key(contents(team, name), f"{LINKS}{digest}")


def index_image(team: str, name: RepositoryName, image_id: str) -> Key:
    return Key(contents(team, name), f"{INDEX_IMAGES}{image_id}")


def tag(team: str, name: RepositoryName, tag: TagName) -> Key:
    return Key(f"TAG#{team}#{name.path}#{tag.value}", ALONE)


def manifest(team: str, name: RepositoryName, digest: Digest) -> Key:
    return Key(f"MAN#{team}#{name.path}#{digest}", ALONE)


def blob(team: str, digest: Digest) -> Key:
    return Key(f"BLOB#{team}#{digest}", ALONE)


def upload(team: str, upload_id: str) -> Key:
    return Key(f"UP#{team}#{upload_id}", ALONE)


def image(team: str, image_id: str) -> Key:
    return Key(f"IMG#{team}#{image_id}", ALONE)


def json_piece(team: str, image_id: str, json_hash: str, number: int) -> Key:
    return Key(f"IMG#{team}#{image_id}", f"json#{json_hash}#{number}")


def referrer(team: str, name: RepositoryName, subject: Digest, order: str) -> Key:
    return Key(contents(team, name), f"{referrers(subject)}{order}")


def referrers(subject: Digest) -> str:
    """How the sort keys of a subject's referrers begin."""
    return f"{REFERRERS}{subject}#"


def parent(team: str, name: RepositoryName, child: Digest, digest: Digest) -> Key:
    return Key(contents(team, name), f"{parents(child)}{digest}")


def parents(child: Digest) -> str:
    """How the sort keys of what names a manifest begin."""
    return f"{PARENTS}{child}#"


def event(team: str, name: RepositoryName, tag: TagName, order: str) -> Key:
    return Key(contents(team, name), f"{events(tag)}{order}")


def events(tag: TagName) -> str:
    """How the sort keys of a tag's history begin."""
    return f"{HISTORY}{tag.value}#"


def edge(team: str, name: RepositoryName) -> Key:
    return Key(contents(team, name), EDGE)


def user(name: str) -> Key:
    return Key(f"USER#{name}", ALONE)


def bridged(team: str, name: RepositoryName, image_id: str) -> Key:
    return Key(contents(team, name), f"{BRIDGED}{image_id}")


def holder(team: str, image_id: str, name: RepositoryName) -> Key:
    return Key(image(team, image_id).pk, f"{HOLDERS}{name.path}")


def grant(team: str, name: RepositoryName, user: str) -> Key:
    return Key(contents(team, name), f"{GRANTS}{user}")


def granted(user: str, name: RepositoryName) -> Key:
    return Key(f"USER#{user}", f"{GRANTS}{name.path}")


def api_token(user: str, token_id: str) -> Key:
    return Key(f"USER#{user}", f"{API_TOKENS}{token_id}")


def email(address: str) -> Key:
    return Key(f"EMAIL#{address}", ALONE)


def failures(of_what: str, value: str) -> Key:
    return Key(f"FAIL#{of_what}#{value}", ALONE)


def invitation(hashed: str) -> Key:
    return Key(f"INVITE#{hashed}", ALONE)


def run(scope: str) -> Key:
    return Key(f"COLLECT#{scope}", ALONE)


def entry(scope: str, word: str, name: RepositoryName) -> Key:
    return Key(entries(scope, word), f"{word}#{name.path}")


def entries(scope: str, word: str) -> str:
    """The partition of the words that begin like this one: 36 a scope, and one for all."""
    return f"FIND#{scope}#{word[:1]}"


def usage(team: str, day: str, repository: str, shard: str) -> Key:
    """A row of counts; ``shard`` keeps those apart who write at once."""
    return Key(f"USE#{team}", f"{DAYS}{day}#{repository}#{shard}")


def past_owner(team: str, life: str, user: str) -> Key:
    return Key(f"USE#{team}", f"{PAST}{life}#{user}")


def counted_team(team: str) -> Key:
    return Key("USE#", f"{TEAMS}{team}")


def seen(process: str) -> Key:
    return Key(f"SEEN#{process}", ALONE)


def catalog(team: str) -> str:
    """The partition that lists a team's repositories."""
    return f"TEAM#{team}"


def contents(team: str, name: RepositoryName) -> str:
    """The partition that lists what a repository holds."""
    return f"REPO#{team}#{name.path}"


def span_after(prefix: str, after: str) -> tuple[str, str]:
    """The sort keys, both inclusive, of what begins with ``prefix`` and sorts after ``after``."""
    last = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    if not after:
        return prefix, last
    # Nothing sorts between a text and the same text with a NUL behind it.
    return f"{prefix}{beginning(after)}\x00", last


def beginning(after: str) -> str:
    """So much of what somebody says they have seen as a sort key has room for."""
    return after.encode("utf-8", "replace")[:_MAX_AFTER_BYTES].decode("utf-8", "ignore")


def hook(team: str, hook_id: str) -> Key:
    return Key(catalog(team), f"{HOOKS}{hook_id}")


def told(team: str, once: str) -> Key:
    return Key(f"TOLD#{team}", once)


def hook_event(team: str, path: str, order: str) -> Key:
    return Key(f"EVENTS#{team}#{path}", order)


def deliveries(team: str, hook_id: str) -> str:
    """The partition of what one webhook is told."""
    return f"HOOK#{team}#{hook_id}"


def due(team: str, hook_id: str, path: str, order: str) -> Key:
    return Key(deliveries(team, hook_id), f"{DUE}{path}#{order}")


def lane(team: str, hook_id: str, path: str) -> Key:
    return Key(deliveries(team, hook_id), f"{LANES}{path}")


def done(team: str, hook_id: str, order: str) -> Key:
    return Key(deliveries(team, hook_id), f"{DONE}{order}")
