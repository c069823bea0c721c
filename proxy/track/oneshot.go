package track

import (
	"slices"
	"strconv"
	"strings"
)

// shot notes a variable that the next statement uses up, or that it is as in a new session.
func (h *held) shot(o *op) {
	h.shots = slices.DeleteFunc(h.shots, func(x setting) bool { return x.key == o.key })
	if !o.sure {
		h.shots = append(h.shots, setting{key: o.key, text: o.text})
	}
}

// gave notes that a row has been given this id: an insert_id of that value has been used up.
func (h *held) gave(id uint64) {
	h.shots = slices.DeleteFunc(h.shots, func(x setting) bool {
		return x.key.Value() == keyInsertID && x.text != (text{}) && x.text.Value() == strconv.FormatUint(id, 10)
	})
}

// forgetSet forgets a setting, or all settings of system variables.
func (h *held) forgetSet(key text) {
	if key != (text{}) {
		h.forget(key)
		return
	}
	h.settings = slices.DeleteFunc(h.settings, func(x setting) bool {
		if !strings.HasPrefix(x.key.Value(), "@@") {
			return false
		}
		h.grow(-x.size())
		return true
	})
}
