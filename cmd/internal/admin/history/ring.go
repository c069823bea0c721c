package history

// ring keeps the latest values, so many and no more. It grows up to that.
type ring[T any] struct {
	most   int
	values []T
	oldest int // where it begins, once it is full
}

// add takes v, in place of the oldest one where there is no more room.
func (r *ring[T]) add(v T) {
	if len(r.values) < r.most {
		r.values = append(r.values, v)
		return
	}
	r.values[r.oldest] = v
	r.oldest = (r.oldest + 1) % r.most
}

// len is how many there are.
func (r *ring[T]) len() int { return len(r.values) }

// at is the one that i others are older than.
func (r *ring[T]) at(i int) *T { return &r.values[(r.oldest+i)%len(r.values)] }

// last is the latest; nil: there is none.
func (r *ring[T]) last() *T {
	if len(r.values) == 0 {
		return nil
	}
	return r.at(len(r.values) - 1)
}

// each gives all from the oldest on.
func (r *ring[T]) each(yield func(v *T) bool) {
	for i := range r.values {
		if !yield(r.at(i)) {
			return
		}
	}
}
