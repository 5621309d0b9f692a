"""The DynamoDB engines: DynamoDB Local (Amazon's own, on Java), and ministack where it cannot be.

DynamoDB Local listens on all interfaces, and has no flag against it. It is a Jetty handler, and
Jetty's own XML configuration can put the same handler behind a connector on the loopback: so that
is what is started, not its command line. Its telemetry lives in the command line, and is never run.
"""

import http.client
import os
from pathlib import Path
from typing import Final

from roadstead.embedded.folder import DataFolder
from roadstead.embedded.ports import LOOPBACK
from roadstead.embedded.processes import Answer, ServerCommand

DYNAMODB_LOCAL: Final = "dynamodb-local"
MINISTACK: Final = "ministack"
_HEAP_MIB: Final = 256
_POLL_TIMEOUT_S: Final = 2.0

MINISTACK_BANNER: Final = (
    "DynamoDB is ministack: users, repositories and tags live in memory, and are written to the "
    "data folder only at a clean stop. A crash or a kill -9 loses all that was pushed since the "
    "start. Use it for trying out."
)

_JETTY_XML: Final = """\
<?xml version="1.0"?>
<!DOCTYPE Configure PUBLIC "-//Jetty//Configure//EN"
  "http://www.eclipse.org/jetty/configure_9_3.dtd">
<Configure id="Server" class="org.eclipse.jetty.server.Server">
  <Call name="addConnector">
    <Arg>
      <New class="org.eclipse.jetty.server.ServerConnector">
        <Arg name="server"><Ref refid="Server"/></Arg>
        <Arg name="factories">
          <Array type="org.eclipse.jetty.server.ConnectionFactory">
            <Item>
              <New class="org.eclipse.jetty.server.HttpConnectionFactory">
                <Arg name="config">
                  <New class="org.eclipse.jetty.server.HttpConfiguration">
                    <Set name="requestHeaderSize">65536</Set>
                  </New>
                </Arg>
              </New>
            </Item>
          </Array>
        </Arg>
        <Set name="host"><Property name="roadstead.host"/></Set>
        <Set name="port"><Property name="roadstead.port"/></Set>
      </New>
    </Arg>
  </Call>
  <Set name="stopAtShutdown">true</Set>
  <Set name="handler">
    <New class="com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBServerHandler">
      <Arg>
        <New class="com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBRequestHandler">
          <Arg type="int">0</Arg>
          <Arg type="boolean"><Property name="roadstead.in_memory"/></Arg>
          <Arg><Property name="roadstead.folder"/></Arg>
          <Arg type="boolean">true</Arg><!-- one database for all keys and regions -->
          <Arg type="boolean">false</Arg><!-- no made-up delays -->
        </New>
      </Arg>
      <Arg>none</Arg><!-- the CORS origin to allow: its default is every web page -->
    </New>
  </Set>
</Configure>
"""


def dynamodb_local_command(
    java: Path, jar_folder: Path, folder: DataFolder, port: int, *, durable: bool
) -> ServerCommand:
    """Say how to start DynamoDB Local. Writes its configuration into the data folder."""
    configuration = folder.run / "dynamodb-local.xml"
    configuration.write_text(_JETTY_XML)
    properties = [
        f"roadstead.host={LOOPBACK}",
        f"roadstead.port={port}",
        f"roadstead.in_memory={'false' if durable else 'true'}",
    ]
    if durable:
        properties.append(f"roadstead.folder={folder.dynamodb}")
    argv = (
        str(java),
        f"-Xmx{_HEAP_MIB}m",
        # Quicker to start, and smaller, than G1 and the second compiler.
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Djava.net.preferIPv4Stack=true",
        "-Dorg.eclipse.jetty.LEVEL=WARN",
        f"-Djava.library.path={jar_folder / 'DynamoDBLocal_lib'}",
        f"-Djava.io.tmpdir={folder.run}",
        "-cp",
        f"{jar_folder / 'DynamoDBLocal.jar'}:{jar_folder / 'DynamoDBLocal_lib'}/*",
        "org.eclipse.jetty.xml.XmlConfiguration",
        str(configuration),
        *properties,
    )
    return ServerCommand(
        name="DynamoDB Local",
        argv=argv,
        environment=_environment(folder),
        folder=folder.dynamodb,
        log=folder.logs / "dynamodb.log",
    )


def ministack_command(
    python: Path, folder: DataFolder, port: int, *, durable: bool
) -> ServerCommand:
    """Say how to start ministack with nothing but its DynamoDB."""
    environment = _environment(folder) | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": LOOPBACK,
        "SERVICES": "dynamodb",
        # Each would open a port of its own on all interfaces.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "1" if durable else "0",
        "STATE_DIR": str(folder.dynamodb),
        "PYTHONUNBUFFERED": "1",
    }
    return ServerCommand(
        name="ministack (DynamoDB)",
        argv=(str(python), "-m", "ministack"),
        environment=environment,
        folder=folder.dynamodb,
        log=folder.logs / "dynamodb.log",
    )


def ask(port: int) -> Answer:
    """Call ListTables: both engines answer it whatever the signature."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_POLL_TIMEOUT_S)
    try:
        connection.request(
            "POST",
            "/",
            body=b"{}",
            headers={
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "DynamoDB_20120810.ListTables",
                "Authorization": "AWS4-HMAC-SHA256 Credential=roadstead/20000101/us-east-1/"
                "dynamodb/aws4_request, SignedHeaders=host, Signature=0",
            },
        )
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return Answer.NONE
    finally:
        connection.close()
    if status == http.HTTPStatus.OK:
        return Answer.READY
    return Answer.FAILING if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR else Answer.NONE


def _environment(folder: DataFolder) -> dict[str, str]:
    kept = ("PATH", "LANG", "TZ", "JAVA_HOME")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "HOME": str(folder.dynamodb),
        "TMPDIR": str(folder.run),
    }
