// Reads a request on each line, its Cookie fields in hex; writes the names that net/http finds, in hex.
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"strings"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		request := http.Request{Header: http.Header{}}
		for _, field := range strings.SplitAfter(lines.Text(), ",") {
			value, err := hex.DecodeString(strings.TrimSuffix(field, ","))
			if err != nil {
				panic(err)
			}
			if field != "" {
				request.Header.Add("Cookie", string(value))
			}
		}
		for _, cookie := range request.Cookies() {
			fmt.Fprint(out, hex.EncodeToString([]byte(cookie.Name)), ",")
		}
		fmt.Fprintln(out)
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
}
