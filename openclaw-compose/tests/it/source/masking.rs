//! What of a text a quote shows where it is about nothing, and what more where it is about a value.

use expect_test::expect;
use openclaw_compose::source::{FileId, Sources, Span};

/// Every line as a quote shows it that is about no value.
fn masked(name: &str, text: &str) -> String {
    let mut sources = Sources::new();
    let file = sources.add(name, text);
    let mut out = String::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let quote = sources.quote(Span::from_range(file, at..at));
        out += &format!("{}\n", quote.lines[0].text);
        at += line.len();
    }
    out
}

/// The first line of a quote about some words.
fn about(name: &str, text: &str, words: &str) -> String {
    let mut sources = Sources::new();
    let file = sources.add(name, text);
    sources.quote(place(file, text, words)).lines[0].text.clone()
}

fn place(file: FileId, text: &str, words: &str) -> Span {
    let at = text.find(words).expect("the words are there");
    Span::from_range(file, at..at + words.len())
}

#[test]
fn a_compose_file() {
    expect![[r##"
        # ********
        name: live # ********
        x-note: ********
        x-openclaw: &openclaw
          image: ghcr.io/openclaw/openclaw:2026.9.6@sha256:7f1c0c5d3b1a4b8e9d2f6a7c8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3
          mem_limit: 2g
          environment: &environment
            HOME: /home/node
            OPENCLAW_GATEWAY_TOKEN: ${OPENCLAW_GATEWAY_TOKEN:?********}
            OTHER: ${A:-********} ********
            THIRD: $OPENCLAW_GATEWAY_TOKEN
            BIND: ${BIND:-********}
        services:
          openclaw-gateway:
            <<: *openclaw
            image: ${OPENCLAW_IMAGE:-openclaw:local}
            command: ["openclaw", "gateway", "--bind", "lan", "--token", "********", '--port=18789', --password=********]
            entrypoint: openclaw gateway --token ******** --port 18789 --url ws://********@gw:18789/?********
            ports:
              - "127.0.0.1:18789:18789" # ********
            volumes:
              - ${OPENCLAW_CONFIG_DIR}:/home/node/.openclaw
            environment:
              - OPENCLAW_GATEWAY_URL=ws://openclaw-gateway:18789
              - OPENCLAW_GATEWAY_TOKEN=********
              - ********
            labels: {com.example.note: "********", traefik.enable: true, other: null}
            healthcheck:
              test: ["CMD-SHELL", "curl -fsS ******** '********' http://127.0.0.1:18789/healthz || exit 1"]
              interval: 30s
            build: {context: ., args: ["A=********", B=********]}
            x-multi: >-
              ********
                ********

              ********
            deploy:
              "********": '********
                ********' # ********
            plain: ********
              ********
            depends_on:
              openclaw-cli:
                condition: service_healthy
            mode: ********
            ********: ********
            port: !reset null
    "##]].assert_eq(&masked(
        "compose.yaml",
        r#"# the stack of somebody
name: live # inline
x-note: remember the milk
x-openclaw: &openclaw
  image: ghcr.io/openclaw/openclaw:2026.9.6@sha256:7f1c0c5d3b1a4b8e9d2f6a7c8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3
  mem_limit: 2g
  environment: &environment
    HOME: /home/node
    OPENCLAW_GATEWAY_TOKEN: ${OPENCLAW_GATEWAY_TOKEN:?the token is not frozen yet}
    OTHER: ${A:-default} and $B
    THIRD: $OPENCLAW_GATEWAY_TOKEN
    BIND: ${BIND:-lan}
services:
  openclaw-gateway:
    <<: *openclaw
    image: ${OPENCLAW_IMAGE:-openclaw:local}
    command: ["openclaw", "gateway", "--bind", "lan", "--token", "hunter2", '--port=18789', --password=x]
    entrypoint: openclaw gateway --token hunter2 --port 18789 --url ws://u:p@gw:18789/?token=x
    ports:
      - "127.0.0.1:18789:18789" # published
    volumes:
      - ${OPENCLAW_CONFIG_DIR}:/home/node/.openclaw
    environment:
      - OPENCLAW_GATEWAY_URL=ws://openclaw-gateway:18789
      - OPENCLAW_GATEWAY_TOKEN=hunter2
      - NO_VALUE
    labels: {com.example.note: "remember", traefik.enable: true, other: null}
    healthcheck:
      test: ["CMD-SHELL", "curl -fsS -H 'Authorization: Bearer hunter2' http://127.0.0.1:18789/healthz || exit 1"]
      interval: 30s
    build: {context: ., args: ["A=hunter2", B=hunter2]}
    x-multi: >-
      hunter2
        image: hunter2

      more
    deploy:
      "quoted key": 'it''s
        image: hunter2' # c
    plain: one
      image: hunter2
    depends_on:
      openclaw-cli:
        condition: service_healthy
    mode: Zq8XwV3nB7mK2pL9rT4yU6iO1aS5dF0gH3jC
    Zq8XwV3nB7mK2pL9rT4yU6iO1aS5dF0gH3jC: 1
    port: !reset null
"#,
    ));
}

#[test]
fn yaml_that_breaks_the_rules() {
    expect![[r#"
        a:
          b: ********
          mode: x
        services:
            gw:
              image: x
           ********
              ********
        mode: z
        	********
        ********
    "#]].assert_eq(&masked(
        "compose.yaml",
        "a:\n  b: c: d\n  mode: x\nservices:\n    gw:\n      image: x\n   mode: hunter2\n      mode: y\nmode: z\n\tmode: hunter2\nmode: z\n",
    ));
    expect![[r#"
        mode: x
        a: ********
        ********
    "#]]
    .assert_eq(&masked("compose.yaml", "mode: x\na: \"never closed\nmode: hunter2\n"));
    expect![[r#"
        mode: x
        a: [********, {c: ********
        ********
    "#]]
    .assert_eq(&masked("compose.yaml", "mode: x\na: [b, {c: d], mode: hunter2\nmode: hunter2\n"));
    expect![[r#"
        mode: x
        ********
        ********
    "#]]
    .assert_eq(&masked("compose.yaml", "mode: x\na: |\rmode: hunter2\nmode: hunter2\n"));
    expect![[r#"
        ********
        ********
        ---
        mode: x
        --- |
        ********
    "#]]
    .assert_eq(&masked("compose.yaml", "hunter2\nmode: hunter2\n---\nmode: x\n--- |\nmode: hunter2\n"));
    expect![[r#"
        ********
        ********
        ********
    "#]]
    .assert_eq(&masked("compose.yaml", "? mode\n: hunter2\nmode: hunter2\n"));
}

#[test]
fn one_line_files() {
    expect![[r#"
        {gateway:{mode:"local",bind:"lan",auth:{mode:"token",token:"********"},port:18789}} // ********
    "#]].assert_eq(&masked(
        "openclaw.json",
        "{gateway:{mode:\"local\",bind:\"lan\",auth:{mode:\"token\",token:\"hunter2\"},port:18789}} // hunter2\n",
    ));
    expect![[r#"
        {services: {gw: {image: openclaw, command: [gateway, --token, ********], environment: {"A":"********", B: ********}}}}
    "#]].assert_eq(&masked(
        "compose.yaml",
        "{services: {gw: {image: openclaw, command: [gateway, --token, hunter2], environment: {\"A\":\"hunter2\", B: hunter2}}}}\n",
    ));
}

#[test]
fn a_word_that_may_be_a_password() {
    expect![[r#"
        {gateway:{mode:"local",auth:"********"}}
    "#]]
    .assert_eq(&masked("openclaw.json", "{gateway:{mode:\"local\",auth:\"swordfish\"}}\n"));
}

#[test]
fn a_configuration_and_an_inspect() {
    expect![[r#"
        {
          // ********
          gateway: {
            mode: "local", bind: 'lan', /* ********
            ******** */ port: 18789,
            auth: { mode: "token", token: "${OPENCLAW_GATEWAY_TOKEN}", password: "********" },
            remote: { url: "wss://********@gw:18789/path?********" },
            controlUi: { allowedOrigins: ["http://localhost:18789", "*"], enabled: true, weight: ******** },
          },
          channels: { telegram: { botToken: "********", note: "********" } },
        }
    "#]]
    .assert_eq(&masked(
        "openclaw.json",
        r#"{
  // hunter2
  gateway: {
    mode: "local", bind: 'lan', /* hunter2
    hunter2 */ port: 18789,
    auth: { mode: "token", token: "${OPENCLAW_GATEWAY_TOKEN}", password: "hunter2" },
    remote: { url: "wss://user:hunter2@gw:18789/path?token=hunter2#hunter2" },
    controlUi: { allowedOrigins: ["http://localhost:18789", "*"], enabled: true, weight: 12345 },
  },
  channels: { telegram: { botToken: "hunter2", note: "mode" } },
}
"#,
    ));
    expect![[r#"
        [{"Id": "********", "Config": {"Env": ["HOME=/home/node", "X=********"], "Labels": {"note": "********", "com.docker.compose.service": "gw"}}}]
        [{"Id": ********
        ********
    "#]].assert_eq(&masked(
        "captured/inspect.json",
        r#"[{"Id": "a4627744d2c81cb2add149533e941a93", "Config": {"Env": ["HOME=/home/node", "X=hunter2"], "Labels": {"note": "hunter2", "com.docker.compose.service": "gw"}}}]
[{"Id": ]
{"mode": "hunter2"}
"#,
    ));
}

#[test]
fn env_files() {
    expect![[r##"
        # ********
        export OPENCLAW_IMAGE=openclaw:2026.9.6 # ********
        A='********' ********
        B="********
        ********
        " HOME=/root
        HOME = /home/node
        ********
        ********
        OPENCLAW_GATEWAY_URL: ws://gw:18789?********
        C=${HOME}********
        D=********
        ********
        HOME=/home
    "##]].assert_eq(&masked(
        ".env",
        "# hunter2\nexport OPENCLAW_IMAGE=openclaw:2026.9.6 # hunter2\nA='hunter2' hunter2\nB=\"one\nHOME=/hunter2\n\" \
         HOME=/root\nHOME = /home/node\nBARE\nhunter2 hunter2\nOPENCLAW_GATEWAY_URL: ws://gw:18789?token=hunter2\nC=${HOME}/x$y\n\
         D=\"never closed\nhunter2\nHOME=/home\n",
    ));
}

#[test]
fn supervisors() {
    expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
        <!-- ******** -->
        <plist version="1.0">
        <dict>
          <key>Label</key> <string>ai.openclaw.gateway</string>
          <key>ProgramArguments</key>
          <array><string>openclaw</string><string>gateway</string><string>--token</string><string>********</string></array>
          <key>EnvironmentVariables</key>
          <dict><key>OPENCLAW_GATEWAY_TOKEN</key><string>********</string><key>HOME</key><string>/Users/a</string></dict>
          <key>KeepAlive</key><true/>
        </dict>
        </plist>
        <mode>hunter2********
        ********
    "#]].assert_eq(&masked(
        "ai.openclaw.gateway.plist",
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- hunter2 -->
<plist version="1.0">
<dict>
  <key>Label</key> <string>ai.openclaw.gateway</string>
  <key>ProgramArguments</key>
  <array><string>openclaw</string><string>gateway</string><string>--token</string><string>hunter2</string></array>
  <key>EnvironmentVariables</key>
  <dict><key>OPENCLAW_GATEWAY_TOKEN</key><string>hunter2</string><key>HOME</key><string>/Users/a</string></dict>
  <key>KeepAlive</key><true/>
</dict>
</plist>
<mode>hunter2</nope>
<mode>hunter2</mode>
"#,
    ));
    expect![[r##"
        # ********
        [Unit]
        Description=********
        After=network-online.target
        [Service]
        Environment=HOME=/root "A=********" B=********
        ExecStart=/usr/bin/openclaw gateway \
          --token ******** \
          --port 18789
        ********
        Restart=on-failure
        RestartSec=5
    "##]].assert_eq(&masked(
        "openclaw-gateway.service",
        "# hunter2\n[Unit]\nDescription=hunter2\nAfter=network-online.target\n[Service]\nEnvironment=HOME=/root \"A=hunter2 x\" B=hunter2\n\
         ExecStart=/usr/bin/openclaw gateway \\\n  --token hunter2 \\\n  --port 18789\nhunter2\nRestart=on-failure\nRestartSec=5\n",
    ));
}

#[test]
fn what_a_quote_is_about_shows() {
    let text = "services:\n  gw:\n    restart: 'hunter2' # no\n    foo: [a, b]\n    bar: one two\n    DB_PASSWORD: hunter2\n    x: Zq8XwV3nB7mK2pL9rT4yU6iO1aS5\n";
    assert_eq!(about("compose.yaml", text, "one two"), "    bar: one two");
    assert_eq!(about("compose.yaml", text, "bar: one two"), "    bar: one two");
    assert_eq!(about("compose.yaml", text, "two"), "    bar: one two");
    assert_eq!(about("compose.yaml", text, "b]"), "    foo: [********, b]");
    assert_eq!(about("compose.yaml", text, "[a, b]"), "    foo: [********, ********]");
    assert_eq!(about("compose.yaml", text, "DB_PASSWORD: hunter2"), "    DB_PASSWORD: ********");
    assert_eq!(about("compose.yaml", text, "Zq8"), "    x: ********");
    let health = "services: {gw: {x: \"curl -H 'Authorization: Bearer hunter2' http://u:p@h:1/x?token=y --token hunter2 ok\"}}\n";
    assert_eq!(
        about("compose.yaml", health, "h:1"),
        "services: {gw: {x: \"curl -H 'Authorization: ********' http://********@h:1/x?******** --token ******** ok\"}}"
    );
    assert_eq!(
        about("compose.yaml", "a: éws://u:p@h:1/x?y é\n", "h:1"),
        "a: éws://********@h:1/x?******** é"
    );
    assert_eq!(
        about("Caddyfile", "reverse_proxy gw:18789 { hunter2 }\n", "gw:18789"),
        "reverse_proxy gw:18789 { ******** }"
    );
}

#[test]
fn owners_of_files() {
    expect![[r#"
        # ********
        1000:1000 755 .
        0:0 600 state/a b
        1000:1000 700 unconfined_u:object_r:user_home_t:s0 a
        drwxr-xr-x. 2 1000 1000 4096 Nov 26 13:57 e
        # file: state
        # owner: 0
        user:1000:rwx	********
        0:0 600 ********
        ********
        ********
        0 100000 65536
    "#]].assert_eq(&masked(
        "captured/ownership.txt",
        "# hunter2\n1000:1000 755 .\n0:0 600 state/a b\n1000:1000 700 unconfined_u:object_r:user_home_t:s0 a\ndrwxr-xr-x. 2 1000 1000 4096 Nov 26 13:57 e\n\
         # file: state\n# owner: 0\nuser:1000:rwx\t#effective:r-x\n0:0 600 Zq8XwV3nB7mK2pL9rT4yU6iO1aS5dF0gH3jC\nhunter2\nhunter2 hunter2\n0 100000 65536\n",
    ));
}

#[test]
fn what_a_program_says() {
    expect![[r#"
        [2K2026-11-22T06:22:44.410+00:00 [gateway] shutdown budget at startup: drain=315000ms; source=Gateway stop policy=330000ms
        [gateway] ⚠️  http server listening (14 plugins: anthropic, memory-core, xai; 7.7s) on ws://127.0.0.1:18789/path?********
        [ws] closed before connect conn=******** peer=127.0.0.1:48178->127.0.0.1:18789 client=cli v2026.9.6 reason=unauthorized: gateway token mismatch (use this gateway's gateway.auth.token) code=1008
        EACCES: permission denied, mkdir '/home/node/.openclaw/state' ******** x=******** token: ********
        token=******** other=******** "token": "********", "x": 'y' Authorization: ********
        curl -H 'Authorization: ********' --token ******** ******** url=wss://********@h:1/?******** Bearer ******** ******** --password=********
        {"level":"info","password":"********","msg":"********"}
        ]0;******** x=token=******** ******** device=********
    "#]].assert_eq(&masked(
        "captured/logs/openclaw-gateway.log",
        "\u{1b}[2K2026-11-22T06:22:44.410+00:00 [gateway] shutdown budget at startup: drain=315000ms; source=Gateway stop policy=330000ms\n\
         [gateway] ⚠️  http server listening (14 plugins: anthropic, memory-core, xai; 7.7s) on ws://127.0.0.1:18789/path?token=hunter2\n\
         [ws] closed before connect conn=60dcee47-9c24-40b6-a4b7-a6d1a6377647 peer=127.0.0.1:48178->127.0.0.1:18789 client=cli v2026.9.6 reason=unauthorized: gateway token mismatch (use this gateway's gateway.auth.token) code=1008\n\
         EACCES: permission denied, mkdir '/home/node/.openclaw/state' hunter2 x=hunter2 token: hunter2 and more\n\
         token=one other=two \"token\": \"one two\", \"x\": 'y' Authorization: Bearer one two\n\
         curl -H 'Authorization: Bearer one' --token one two url=wss://u:one@h:1/?x Bearer one two --password=one\n\
         {\"level\":\"info\",\"password\":\"one two\",\"msg\":\"hello\"}\n\
         \u{1b}]0;title\u{7} x=token=one Zq8XwV3nB7mK2pL9rT4yU6iO1aS5dF0gH3jC device=6c3bc4aeea81fa68a8ed88c2e87566d8b360afb21b405f61bf968d84b18592d3\n",
    ));
}
