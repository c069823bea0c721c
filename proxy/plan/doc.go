// Package plan decides what a session does next. It is given facts and an event, and answers with one action; it holds no state, socket,
// clock or lock, so that each decision is a row of a table in its tests.
//
// [Ties] say whether a session can leave its backend at all. The events are a client's command that has come ([Command]), a session that stands between two statements while it is to leave
// ([Boundary]), a backend connection that has ended ([Lost]), an answer that says that the server and not the statement is wrong
// ([Refused]), and a statement that has waited ([Waited]).
package plan
