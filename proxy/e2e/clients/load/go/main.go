// The program loads files with Go's net/http, one for each line on standard input, as load_client_test.go says.
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	url, user, password := os.Args[1], os.Args[2], os.Args[3]
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: 10 * time.Second}, Timeout: 2 * time.Minute}
	client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		r.SetBasicAuth(user, password)
		return nil
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		job := strings.Split(lines.Text(), "\t")
		outcome, err := load(client, url, user, password, job[0], job[1], job[2], job[3])
		if err != nil {
			outcome = []string{"lost", err.Error()}
		}
		fmt.Println(strings.NewReplacer("\r", "", "\n", " ").Replace(strings.Join(outcome, "\t")))
	}
}

func load(client *http.Client, url, user, password, way, table, label, file string) ([]string, error) {
	body, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPut, url+"/api/"+table+"/_stream_load", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if way == "chunks" {
		r.ContentLength = -1
	}
	r.SetBasicAuth(user, password)
	r.Header.Set("column_separator", ",")
	if label != "-" {
		r.Header.Set("label", label)
	}
	if way != "plain" {
		r.Header.Set("Expect", "100-continue")
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return []string{"answer", fmt.Sprint(answer.StatusCode), string(text)}, err
}
