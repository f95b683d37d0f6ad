//! Definitions on the host that embed another token than the gateway enforces.

use crate::finding::Code;
use crate::openclaw::model::definitions::Defined;
use crate::openclaw::verdict::Verdicts;

use super::Findings;
use super::remedies::words;

/// Definitions that hold another token than the gateway enforces.
pub(crate) fn findings(definitions: &[Defined], verdicts: &Verdicts<'_>, out: &mut Findings) {
    let Some(server) = verdicts.gateways.iter().find_map(|gateway| gateway.decision.value()) else { return };
    for defined in definitions {
        let Some(value) = &defined.value else { continue };
        if value.is_same(server) {
            continue;
        }
        let summary = format!("{} embeds another token than the gateway enforces", defined.name);
        let mut finding = verdicts.finding(Code::ServiceDefinitionDiffers, summary, Some(defined.span));
        finding.evidence.push(
            "a definition bakes the token in when it is installed; restarts do not renew it".to_owned(),
        );
        finding.remedy = Some(words(
            "take the variable out of the definition and let the program read its configuration; then load the definition again",
        ));
        out.push(finding);
    }
}
