package proxy

// facts gathers from a session what package plan decides by.
type facts struct{ *session }
