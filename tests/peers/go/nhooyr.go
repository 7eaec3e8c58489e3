// nhooyr.io/websocket.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"strconv"

	"nhooyr.io/websocket"
)

func room(path string, talk func(*websocket.Conn, *http.Request)) {
	options := &websocket.AcceptOptions{
		Subprotocols:       []string{"chat.v1"},
		InsecureSkipVerify: true,
		CompressionMode:    websocket.CompressionContextTakeover,
	}
	http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, options)
		if err != nil {
			log.Print(err)
			return
		}
		defer conn.Close(websocket.StatusInternalError, "the room ended")
		conn.SetReadLimit(maxMessage)
		talk(conn, r)
	})
}

func echo(conn *websocket.Conn, r *http.Request) {
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil {
			var end websocket.CloseError
			if errors.As(err, &end) {
				tell(closing{int(end.Code), end.Reason})
			}
			return
		}
		if err := conn.Write(r.Context(), kind, message); err != nil {
			return
		}
	}
}

func write(ctx context.Context, conn *websocket.Conn, text []byte) error {
	return conn.Write(ctx, websocket.MessageText, text)
}

func closes(conn *websocket.Conn, r *http.Request) {
	ends := watch()
	defer forget(ends)
	gone := conn.CloseRead(r.Context())
	write(gone, conn, []byte("watching"))
	for {
		select {
		case end := <-ends:
			text, _ := json.Marshal(end)
			write(gone, conn, text)
		case <-gone.Done():
			return
		}
	}
}

func closeAtOnce(conn *websocket.Conn, r *http.Request) {
	code, _ := strconv.Atoi(r.FormValue("code"))
	conn.Close(websocket.StatusCode(code), r.FormValue("reason"))
}

func headers(conn *websocket.Conn, r *http.Request) {
	write(r.Context(), conn, headersJSON(r))
	<-conn.CloseRead(r.Context()).Done()
}

func main() {
	room("/echo", echo)
	room("/closes", closes)
	room("/close", closeAtOnce)
	room("/headers", headers)
	http.HandleFunc("/refuse", refuse)
	serve()
}
