"""Letters and notices: templates, rendering, freezing, PDF. A frozen letter never changes."""
