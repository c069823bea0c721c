// Package check holds the documents to what they tell: its tests look for links that lead nowhere and pages that nothing leads to, load what is shown of configurations,
// and run what is shown of a terminal.
//
// A fenced block tells by its words (its info string) what it is:
//
//	```console                what is run: lines behind "$ ", each until the next; a line behind "> " goes on with the one before.
//	                          What stands below a command is what it says: "..." stands for any lines, "…" for any text within a line.
//	                          Nothing there: whatever it says. It has to exit with 0.
//	```console real-cluster   what is not run, and why, in a word of the list that the tests have; the flags of segue in it are looked at all the same
//	```yaml segue             a configuration, or some keys of one: it is loaded
//	```yaml                   any other: it has to be YAML
//
// The blocks of a page are run one after the other by one bash, in a folder and a network of its own, with segue on its PATH. A command behind which "&" stands goes on until the
// page ends, and is waited for until it has said what stands below it, whatever it says then and in its log. What a reader need not see is in a comment that begins with "<!-- console".
package check
