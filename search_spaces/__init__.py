"""Search spaces: which configuration keys a sweep varies, in which range."""
