// gorilla/websocket.
package main

import (
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

var upgrader = websocket.Upgrader{
	Subprotocols:      []string{"chat.v1"},
	EnableCompression: true,
	CheckOrigin:       func(*http.Request) bool { return true },
}

func room(path string, talk func(*websocket.Conn, *http.Request)) {
	http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			log.Print(err)
			return
		}
		defer conn.Close()
		conn.SetReadLimit(maxMessage)
		talk(conn, r)
	})
}

func echo(conn *websocket.Conn, _ *http.Request) {
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			var end *websocket.CloseError
			if errors.As(err, &end) {
				tell(closing{end.Code, end.Text})
			}
			return
		}
		if err := conn.WriteMessage(kind, message); err != nil {
			return
		}
	}
}

// drain reads until the client is gone, so that its Close is answered.
func drain(conn *websocket.Conn) {
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			return
		}
	}
}

func closes(conn *websocket.Conn, _ *http.Request) {
	ends := watch()
	defer forget(ends)
	conn.WriteMessage(websocket.TextMessage, []byte("watching"))
	go func() {
		for end := range ends {
			text, _ := json.Marshal(end)
			conn.WriteMessage(websocket.TextMessage, text)
		}
	}()
	drain(conn)
}

func closeAtOnce(conn *websocket.Conn, r *http.Request) {
	code, _ := strconv.Atoi(r.FormValue("code"))
	word := websocket.FormatCloseMessage(code, r.FormValue("reason"))
	conn.WriteControl(websocket.CloseMessage, word, time.Now().Add(time.Second))
	drain(conn)
}

func headers(conn *websocket.Conn, r *http.Request) {
	conn.WriteMessage(websocket.TextMessage, headersJSON(r))
	drain(conn)
}

func main() {
	room("/echo", echo)
	room("/closes", closes)
	room("/close", closeAtOnce)
	room("/headers", headers)
	http.HandleFunc("/refuse", refuse)
	serve()
}
