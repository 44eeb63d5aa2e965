//! What a browser would load of a page, as html5ever reads it.

use html5ever::tendril::TendrilSink as _;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use url::Url;

use crate::site::URL;

const LOADING: [(&str, &str); 6] = [
    ("script", "src"),
    ("iframe", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("link", "href"),
    ("link", "imagesrcset"),
];

/// Nothing of a host that is held, where hosts are, and nothing that says that it is for marketing. Scripts may run or not.
pub(crate) fn nothing_loads(page: &[u8], hosts: bool) {
    for scripting_enabled in [true, false] {
        let mut options = ParseOpts::default();
        options.tree_builder.scripting_enabled = scripting_enabled;
        let dom = parse_document(RcDom::default(), options).from_utf8().one(page);
        let mut nodes = vec![dom.document.clone()];
        while let Some(node) = nodes.pop() {
            judge(&node, hosts, page);
            nodes.extend(node.children.borrow().iter().cloned());
            if let NodeData::Element { template_contents, .. } = &node.data {
                nodes.extend(template_contents.borrow().iter().cloned());
            }
        }
    }
}

fn judge(node: &Handle, hosts: bool, page: &[u8]) {
    let NodeData::Element { name, attrs, .. } = &node.data else { return };
    let attrs = attrs.borrow();
    let of = |wanted: &str| {
        attrs.iter().find(|attr| &*attr.name.local == wanted).map(|attr| attr.value.to_string())
    };
    let is_for_marketing = of("data-consent").is_some_and(|purpose| purpose.trim() == "marketing");
    for (element, attribute) in LOADING {
        if &*name.local != element {
            continue;
        }
        let Some(value) = of(attribute) else { continue };
        let shown = || page.escape_ascii();
        assert!(!is_for_marketing, "<{element} {attribute}={value:?}> is for marketing: {}", shown());
        let addresses = value.split(',').filter_map(|one| one.split_ascii_whitespace().next());
        for address in if attribute.ends_with("srcset") { addresses.collect() } else { vec![&*value] } {
            let there = Url::parse(URL).and_then(|base| base.join(address));
            let is_held = |host: &str| host == "video.example" || host.ends_with(".tracker.example");
            let loads = there.is_ok_and(|there| {
                matches!(there.scheme(), "http" | "https") && there.host_str().is_some_and(is_held)
            });
            assert!(!hosts || !loads, "<{element} {attribute}={value:?}> loads: {}", shown());
        }
    }
}
