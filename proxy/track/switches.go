package track

// switches reports whether the literal value changes some of the switches that the variable name consists of, and leaves the others as they are: 'mrr=on'. A
// number and DEFAULT set them all.
func switches(name string, value []byte) bool {
	switch name {
	case "optimizer_switch", "optimizer_trace", "optimizer_trace_features", "debug", "debug_dbug":
		return len(value) > 0 && !isDigit(value[0]) && !equalFold(value, "DEFAULT")
	}
	return false
}
