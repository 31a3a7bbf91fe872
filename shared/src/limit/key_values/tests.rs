use std::net::Ipv4Addr;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn read(texts: &[&str]) -> Result<KeyValues, String> {
    KeyValues::parse(texts.iter().copied())
}

fn why(text: &str) -> String {
    read(&[text]).unwrap_err()
}

#[test]
fn parts_are_written_as_a_config_has_them() {
    let parts = [
        "client_ip=192.0.2.1",
        "route=orders=all",
        "api_key=4fKq0ZbYw2Lr",
        "user=https://issuer.example usr 1",
        "header:X-User-Id=usr=1",
        "claim:https://example.com/tenant=7",
    ];
    let expected = [
        KeyValue::ClientIp(Ipv4Addr::new(192, 0, 2, 1).into()),
        KeyValue::Route("orders=all".into()),
        KeyValue::ApiKey("4fKq0ZbYw2Lr".into()),
        KeyValue::User {
            by: "https://issuer.example".into(),
            sub: "usr 1".into(),
        },
        KeyValue::Header(HeaderName::from_static("x-user-id"), HeaderValue::from_static("usr=1")),
        KeyValue::Claim(ClaimPath::of_name("https://example.com/tenant"), "7".into()),
    ];
    assert_eq!(read(&parts).unwrap(), KeyValues(expected.to_vec()));
}

#[test]
fn what_is_no_part_is_refused_without_its_value() {
    assert_snapshot!(why("very-secret"), @"write PART=VALUE, the part as `key` in a config has it: client_ip, route, api_key, user, header:NAME or claim:NAME");
    assert_snapshot!(why("api_key=tg_very-secret"), @"api_key: the value is the key's id: the 12 letters and digits between `tg_` and the next `_`");
    assert_snapshot!(why("client_ip=very-secret"), @"client_ip: the value is an IP address");
    assert_snapshot!(why("user=very-secret"), @"user: the value is `ISSUER SUB`; where credentials name no issuer, the method's name or type SUB");
    assert_snapshot!(why("header:a b=very-secret"), @"header:a b: this is no name of a header");
    assert_snapshot!(why("header:x=very-secret\n"), @"header:x: no header can have this value");
    assert_snapshot!(why("claim:a..b=very-secret"), @r#"claim:a..b: "a..b" is not a path to a claim: a name in it is empty"#);
    assert_snapshot!(why("route="), @"route: the value is missing");
    for wrong in [
        "",
        "=",
        "plan=4fKq0ZbYw2Lr",
        "route",
        "header:x",
        "header:x=",
        "header:=x",
        "claim:=x",
        "client_ip:x=192.0.2.1",
        "Route=x",
        "user= x",
        "user=x ",
    ] {
        assert!(read(&[wrong]).is_err(), "{wrong}");
    }
    assert!(read(&[]).is_err());
    assert!(read(&["route=a"; 8]).is_ok());
    assert!(read(&["route=a"; 9]).is_err());
}

#[test]
fn a_holder_of_plans_is_found_by_those_too() {
    let by = |texts: &[&str]| -> Vec<String> {
        let partitions = read(texts).unwrap().partitions();
        assert!(
            partitions.iter().all(|at| at.pk.starts_with(&format!("Q#{}#", at.by))),
            "{partitions:?}"
        );
        partitions.into_iter().map(|partition| partition.by).collect()
    };
    assert_eq!(by(&["api_key=4fKq0ZbYw2Lr"]), ["api_key", "plan"]);
    assert_eq!(by(&["user=a b"]), ["user", "plan"]);
    assert_eq!(by(&["api_key=4fKq0ZbYw2Lr", "route=a"]), ["api_key,route"]);
    assert_eq!(by(&["header:X-User-Id=a"]), ["header:x-user-id"]);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in ".{0,40}", part in "(client_ip|route|api_key|user|header:[a-z]|claim:[a-z.]{1,3})=?") {
        let _ = read(&[&text]);
        let _ = read(&[&format!("{part}{text}")]);
    }
}
