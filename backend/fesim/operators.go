package fesim

import "math"

// operator computes a value from two that are not NULL.
type operator func(a, b value) value

func opCompare(holds func(int) bool) operator {
	return func(a, b value) value { return boolean(holds(compare(a, b))) }
}

// whole computes with integers if both are, else with floats.
func whole(ints func(x, y int64) int64, floats func(x, y float64) float64) operator {
	return func(a, b value) value {
		x, xok := a.(int64)
		y, yok := b.(int64)
		if xok && yok {
			return ints(x, y)
		}
		return floats(number(a), number(b))
	}
}

func opAdd(a, b value) value {
	return whole(func(x, y int64) int64 { return x + y }, func(x, y float64) float64 { return x + y })(a, b)
}

func opSub(a, b value) value {
	return whole(func(x, y int64) int64 { return x - y }, func(x, y float64) float64 { return x - y })(a, b)
}

func opMul(a, b value) value {
	return whole(func(x, y int64) int64 { return x * y }, func(x, y float64) float64 { return x * y })(a, b)
}

func opDiv(a, b value) value {
	if number(b) == 0 {
		return nil
	}
	return number(a) / number(b)
}

func opMod(a, b value) value {
	if number(b) == 0 {
		return nil
	}
	x, xok := a.(int64)
	y, yok := b.(int64)
	if xok && yok {
		return x % y
	}
	return math.Mod(number(a), number(b))
}
