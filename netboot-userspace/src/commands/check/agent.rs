//! The image of Tinkerbell's agent, which HookOS may not be told.

use netboot_site::{
    config::Candidate,
    model::{Config, DhcpMode, Host, Located},
};

/// A sentence about machines whose HookOS has no agent to start: its hook-bootkit ends without an image, and is started
/// again for ever. This can be meant: what is booted may be another system.
pub(super) fn agent_note(config: &Config) -> Option<String> {
    let script = &config.script;
    if script.tink_worker_image.is_some() || names_image(&script.kernel_params) {
        return None;
    }
    let located = Located::new(&config.subnets);
    let is_without = |host: &&Host| {
        let own = &host.script_settings;
        host.is_first()
            && Candidate::of(host).is_sent(config, &located)
            && own.tink_worker_image.is_none()
            && !names_image(&own.kernel_params)
    };
    let mut hosts = config.hosts.iter().map(|host| &**host).filter(is_without);
    let machines = match hosts.next() {
        Some(first) => {
            let name = first.hostname.clone().unwrap_or_else(|| first.mac.to_string());
            match hosts.count() {
                0 => name,
                more => format!("{name} and {more} more"),
            }
        }
        None if config.dhcp.mode == DhcpMode::AutoProxy
            && Candidate::of(&Host::default()).is_sent(config, &located) =>
        {
            "unknown machines".to_owned()
        }
        None => return None,
    };
    Some(format!(
        "script.tink-worker-image: neither it is set, nor tink_worker_image= or docker_registry= in kernel-params, for \
         {machines}: HookOS of the default script starts no agent, and no worker registers with Tinkerbell"
    ))
}

/// hook-bootkit takes `tink-worker:latest` of the registry.
fn names_image(kernel_params: &[String]) -> bool {
    let mut words = kernel_params.iter().flat_map(|params| params.split_whitespace());
    words.any(|word| {
        ["tink_worker_image=", "docker_registry="].iter().any(|key| word.starts_with(key))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use netboot_base::sparse::Sparse;
    use netboot_site::model::{HostScript, ScriptSettings, Subnet};

    fn host() -> Host {
        Host { ip: [10, 0, 0, 2].into(), hostname: Some("node-a".to_owned()), ..Host::default() }
    }

    fn with(settings: ScriptSettings) -> Host {
        Host { script_settings: Sparse::from(settings), ..host() }
    }

    /// The machines that the note names.
    #[track_caller]
    fn check(hosts: &[Host], change: impl FnOnce(&mut Config), expect: Option<&str>) {
        let mut config = Config::unconfigured();
        config.subnets = vec![Subnet::new("10.0.0.0/24".parse().unwrap())];
        config.hosts = hosts.iter().cloned().map(Arc::new).collect();
        change(&mut config);
        let note = agent_note(&config);
        let machines = note.as_deref().map(|note| {
            let (_, rest) = note.split_once(", for ").unwrap();
            rest.split_once(": HookOS").unwrap().0
        });
        assert_eq!(machines, expect);
    }

    #[test]
    fn who_has_no_agent() {
        let params = |words: &str| vec![words.to_owned()];
        check(&[], |_| {}, None);
        check(&[host()], |_| {}, Some("node-a"));
        check(&[host(), host(), host()], |_| {}, Some("node-a and 2 more"));
        check(&[Host { hostname: None, ..host() }], |_| {}, Some("00:00:00:00:00:00"));
        let strangers = |config: &mut Config| config.dhcp.mode = DhcpMode::AutoProxy;
        check(&[], strangers, Some("unknown machines"));
        let elsewhere = |config: &mut Config| {
            strangers(config);
            config.boot.script_url = Some("http://10.0.0.9/menu.ipxe".to_owned());
        };
        check(&[], elsewhere, None);

        check(&[host()], |config| config.script.tink_worker_image = Some("a".to_owned()), None);
        for words in ["docker_registry=r", "quiet tink_worker_image=a"] {
            check(&[host()], |config| config.script.kernel_params = params(words), None);
            let own = ScriptSettings { kernel_params: params(words), ..ScriptSettings::default() };
            check(&[with(own)], |_| {}, None);
        }
        let own =
            ScriptSettings { tink_worker_image: Some("a".to_owned()), ..ScriptSettings::default() };
        check(&[with(own.clone())], |_| {}, None);
        check(&[with(own), host()], |_| {}, Some("node-a"));
        check(
            &[host()],
            |config| config.script.kernel_params = params("x_docker_registry=r"),
            Some("node-a"),
        );
    }

    #[test]
    fn who_boots_another_script() {
        const OTHER: &str = "http://10.0.0.9/menu.ipxe";
        const OURS: &str = "http://10.0.0.1/auto.ipxe";
        check(&[Host { netboot: false, ..host() }], |_| {}, None);
        let script = Some(HostScript::Text("#!ipxe".to_owned()));
        check(&[Host { script, ..host() }], |_| {}, None);
        check(&[host()], |config| config.http = None, None);
        check(&[host()], |config| config.boot.script_user_classes.clear(), None);
        for (url, expect) in [(OTHER, None), (OURS, Some("node-a"))] {
            let url = Some(url.to_owned());
            check(&[Host { script_url: url.clone(), ..host() }], |_| {}, expect);
            check(&[host()], |config| config.boot.script_url = url.clone(), expect);
            check(&[host()], |config| config.subnets[0].script_url = url, expect);
        }
    }
}
