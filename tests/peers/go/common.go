// What both Go peers share: the port, the word at the start, and who watches connections close.
// The contract is that of tests/peers/README.md.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
)

const maxMessage = 4 << 20

// closing is how an echo connection ended.
type closing struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

// witnesses are told of each echo connection's end.
var witnesses = struct {
	sync.Mutex
	channels map[chan closing]bool
}{channels: map[chan closing]bool{}}

func watch() chan closing {
	witnesses.Lock()
	defer witnesses.Unlock()
	channel := make(chan closing, 16)
	witnesses.channels[channel] = true
	return channel
}

func forget(channel chan closing) {
	witnesses.Lock()
	defer witnesses.Unlock()
	delete(witnesses.channels, channel)
}

func tell(end closing) {
	witnesses.Lock()
	defer witnesses.Unlock()
	for channel := range witnesses.channels {
		channel <- end
	}
}

// headersJSON has the names in lower case; Go keeps Host apart.
func headersJSON(r *http.Request) []byte {
	headers := map[string]string{"host": r.Host}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	text, err := json.Marshal(headers)
	if err != nil {
		log.Fatal(err)
	}
	return text
}

func refuse(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Refused-By", "peer")
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprint(w, "not for you\n")
}

func serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, nil))
}
