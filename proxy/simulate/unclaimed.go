package simulate

import proto "segue/backend/wire"

// Fault is something that a session loses, and that Segue does not claim to keep.
type Fault struct {
	Scenes Scenes // in which that shows
	Shows  string // by an error that has this
	Reason string
}

// Unclaimed are the faults that are known: each is expected to fail, so that it is told here when it no longer does.
func Unclaimed() []Fault {
	return []Fault{
		{Hidden, "@a is", "what a stored function assigns shows neither in the text of the statement nor in the answer, and is lost with a backend that cannot be asked"},
	}
}

// hidden has a stored function assign a variable of which no server tells.
func (c *client) hidden(tag string, _ bool) *statement {
	tag = "q" + tag
	v := number(c.count*100 + c.d.IntN(100))
	return c.assigns(query(tag, "SELECT '"+tag+"', assign("+v.text+")"), "@a", v)
}

// unflagged has one set the time zone.
func (c *client) unflagged(tag string, _ bool) *statement {
	if c.caps.Has(proto.ClientDeprecateEOF) {
		return nil
	}
	return c.zones("q" + tag)
}
