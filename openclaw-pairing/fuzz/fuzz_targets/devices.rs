//! Any bytes as a device list: rows within their bounds, names that are fit to be shown, and no command of what is not an id.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_pairing::plan::{Action, Topology};
use openclaw_pairing::{DeviceList, Evidence, Vantage, diagnose};

fn is_shown(name: &str) -> bool {
    name.len() <= 256 && !name.contains(char::is_control)
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(list) = DeviceList::from_json(text) else { return };
    assert!(list.pending.len() <= 10_000 && list.paired.len() <= 10_000);
    for request in &list.pending {
        assert!(is_shown(&request.request_id) && is_shown(&request.device_id) && is_shown(&request.client_id));
        assert!(request.display_name.as_deref().is_none_or(is_shown));
    }
    for device in &list.paired {
        assert!(is_shown(&device.device_id) && device.roles.iter().all(|role| is_shown(role)));
        assert!(device.roles.len() <= 64 && device.tokens.len() <= 64);
    }
    let again = serde_json::to_string(&list).unwrap();
    let read = DeviceList::from_json(&again).unwrap();
    assert_eq!((&read.pending, &read.paired), (&list.pending, &list.paired));
    let evidence = Evidence::new(Topology::default())
        .now_ms(1_800_000_000_000)
        .devices(Vantage::Gateway, "gateway's list", list.clone())
        .devices(Vantage::Client, "client's list", read);
    let diagnosis = diagnose(&evidence);
    for step in &diagnosis.plan.steps {
        assert!(step.command().is_none_or(|command| command.len() < 1024 && !command.contains(char::is_control)));
        if let Action::Decide { device_id: Some(device), .. } = &step.action {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            assert!(device.len() <= 64 && !device.starts_with('-') && device.chars().all(plain));
            if let Ok(command) = step.action.resolve(&list) {
                assert!(command.argv().iter().all(|argument| argument.len() <= 64));
            }
        }
    }
});
