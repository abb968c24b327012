"""The plugin that serves our published component to Pulumi programs in any language."""
