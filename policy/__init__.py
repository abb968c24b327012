"""The policy pack: `pulumi preview --policy-pack policy`. One file a group of rules, each rule with message and fix."""
