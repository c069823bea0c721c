package track

// effect is what the text of one COM_QUERY, which may hold several statements, does as far as its words
// tell.
type effect uint16

const (
	begins    effect = 1 << iota // the last statement that touches a transaction opens one
	ends                         // the last statement that touches a transaction ends one
	opened                       // some statement opens a transaction
	rollsUp                      // a ROLLBACK: even if it fails no transaction is left
	loads                        // some statement may ask the client for a file
	several                      // more than one statement
	writes                       // some statement may change data or metadata
	counts                       // SQL_CALC_FOUND_ROWS: FOUND_ROWS() may be asked for
	inserts                      // INSERT or REPLACE: with RETURNING it may give a row an id without a word of it in the status
	holds                        // of a text too long to be kept: it may leave something in the session
	asksID                       // … it names LAST_INSERT_ID
	diagnoses                    // SHOW WARNINGS and the like, alone: what the statement before has left behind stays
	selects                      // a SELECT: FOUND_ROWS() is about it; see State.renewing
	opens                        // it opens a table: the warnings before it are gone; likewise
	hides                        // it may hold state by what a program does that it names: see Programs
	assigns                      // … or assign user variables
)

// keyword is a word that matters here.
type keyword uint8

const (
	otherWord keyword = iota
	wordBegin
	wordStart
	wordTransaction
	wordCommit
	wordRollback
	wordWork
	wordTo
	wordAnd
	wordChain
	wordLoad
	wordExecute
	wordSet
	wordStatement
	wordXA
	wordPrepare
	wordInsert
	wordPlain // SELECT, UPDATE and the like
)

const maxWord = 11 // len("TRANSACTION")

// keywordOf tells which keyword an upper-case word is. The switch on a converted byte slice does not allocate.
func keywordOf(word []byte, tooLong bool) keyword {
	if tooLong {
		return otherWord
	}
	switch string(word) {
	case "BEGIN":
		return wordBegin
	case "START":
		return wordStart
	case "TRANSACTION":
		return wordTransaction
	case "COMMIT":
		return wordCommit
	case "ROLLBACK":
		return wordRollback
	case "WORK":
		return wordWork
	case "TO":
		return wordTo
	case "AND":
		return wordAnd
	case "CHAIN":
		return wordChain
	case "LOAD":
		return wordLoad
	case "EXECUTE":
		return wordExecute
	case "SET":
		return wordSet
	case "STATEMENT":
		return wordStatement
	case "XA":
		return wordXA
	case "PREPARE":
		return wordPrepare
	case "INSERT", "REPLACE":
		return wordInsert
	case "SELECT", "UPDATE", "DELETE", "WITH":
		return wordPlain
	}
	return otherWord
}

// leads reports the words that tell anything of the statement which begins with them.
func (k keyword) leads() bool {
	switch k {
	case wordBegin, wordStart, wordXA, wordCommit, wordRollback, wordInsert, wordLoad, wordExecute, wordSet:
		return true
	default:
		return false
	}
}

// judgeWords tells the effect of one statement from its first words.
func judgeWords(w [4]keyword) effect {
	switch w[0] {
	case wordBegin:
		return begins | opened
	case wordStart:
		if w[1] == wordTransaction {
			return begins | opened
		}
	case wordXA:
		if w[1] == wordStart || w[1] == wordBegin {
			return begins | opened
		}
		if w[1] == wordCommit || w[1] == wordRollback || w[1] == wordPrepare {
			return ends
		}
	case wordCommit:
		if chains(w) {
			return begins | opened
		}
		return ends
	case wordRollback:
		switch {
		case w[1] == wordTo, w[1] == wordWork && w[2] == wordTo: // back to a savepoint
			return 0
		case chains(w):
			return begins | opened
		}
		return ends | rollsUp
	case wordInsert:
		return inserts
	case wordLoad, wordExecute: // EXECUTE of a LOAD that was prepared
		return loads
	case wordSet:
		if w[1] == wordStatement { // MariaDB: SET STATEMENT … FOR LOAD …
			return loads
		}
	default:
	}
	return 0
}

// chains reports AND CHAIN, which opens a new transaction in the same breath, as opposed to AND NO CHAIN.
func chains(w [4]keyword) bool {
	return w[1] == wordAnd && w[2] == wordChain || w[1] == wordWork && w[2] == wordAnd && w[3] == wordChain
}

// then is the effect of a statement that follows others.
func (e effect) then(next effect) effect {
	if next&(begins|ends) != 0 {
		e &^= begins | ends | rollsUp
	}
	return e | next
}
