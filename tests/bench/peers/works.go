// The works of tests/bench/peers.sh as Go's users write them: a goroutine an actor, a channel its
// mailbox.
//
//	go build -o works_go works.go && GOMAXPROCS=1 ./works_go ring 100000 100
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

func result(what string, value float64) { fmt.Printf("RESULT %s %.6g\n", what, value) }

func timed(f func()) float64 {
	from := time.Now()
	f()
	return float64(time.Since(from).Nanoseconds())
}

func link(in <-chan int, out chan<- int) {
	for n := range in {
		out <- n
	}
}

// Each makes the next one and becomes a link to it; the last one counts the laps.
func builder(left int, in chan int, first chan<- int, report chan<- bool) {
	if left > 1 {
		next := make(chan int, 1)
		go builder(left-1, next, first, report)
		link(in, next)
		return
	}
	report <- true
	for n := range in {
		if n > 1 {
			first <- n - 1
		} else {
			report <- true
		}
	}
}

func ring(actors, laps int) {
	report := make(chan bool)
	first := make(chan int, 1)
	built := timed(func() {
		go builder(actors, first, first, report)
		<-report
	})
	took := timed(func() {
		first <- laps
		<-report
	})
	result("ring_build_us", built/float64(actors)/1e3)
	result("ring_hop_ns", took/float64(actors)/float64(laps))
}

const mailbox = 1024

func fanIn(senders, n int, sender func(counter chan<- int, n int)) float64 {
	return timed(func() {
		counter := make(chan int, mailbox)
		done := make(chan bool)
		go func() {
			for i := 0; i < senders*n; i++ {
				<-counter
			}
			done <- true
		}()
		for i := 0; i < senders; i++ {
			go sender(counter, n)
		}
		<-done
	})
}

func burst(counter chan<- int, n int) {
	for i := 0; i < n; i++ {
		counter <- i
	}
}

func paced(counter chan<- int, n int) {
	self := make(chan int, 1)
	self <- n
	for k := range self {
		if k == 0 {
			return
		}
		counter <- k
		self <- k - 1
	}
}

func create(actors, rounds int) {
	times := make([]float64, rounds)
	for round := range times {
		times[round] = timed(func() {
			var ran sync.WaitGroup
			ran.Add(actors)
			for i := 0; i < actors; i++ {
				in := make(chan int, 1)
				go func() {
					<-in
					ran.Done()
				}()
				in <- i
			}
			ran.Wait()
		})
	}
	sort.Float64s(times)
	result("create_ns", times[rounds/2]/float64(actors))
}

func residentBytes() float64 {
	runtime.GC()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(statm))[1])
	return float64(pages) * 4096
}

func idle(actors int) {
	from := residentBytes()
	var last chan int
	for i := 0; i < actors; i++ {
		in := make(chan int, 1)
		go func(before chan int) {
			n := <-in
			if before != nil {
				before <- n
			}
		}(last)
		last = in
	}
	runtime.Gosched()
	result("idle_bytes", (residentBytes()-from)/float64(actors))
	last <- 1
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

var sum, size int

func loop(n int) {
	result("loop_ms", timed(func() {
		sum = 0
		for i := 1; i <= n; i++ {
			sum += i
		}
	})/1e6)
}

type node struct {
	head int
	tail *node
}

func list(n int) {
	result("list_ms", timed(func() {
		var xs, ys *node
		for i := n; i > 0; i-- {
			xs = &node{i, xs}
		}
		for ; xs != nil; xs = xs.tail {
			ys = &node{xs.head, ys}
		}
		size = ys.head
	})/1e6)
}

func main() {
	runtime.GOMAXPROCS(1)
	sizes := make([]int, 2)
	for i, word := range os.Args[2:] {
		sizes[i], _ = strconv.Atoi(word)
	}
	switch os.Args[1] {
	case "ring":
		ring(sizes[0], sizes[1])
	case "fanin":
		messages := float64(sizes[0]) * float64(sizes[1])
		result("fanin_burst_ns", fanIn(sizes[0], sizes[1], burst)/messages)
		result("fanin_paced_ns", fanIn(sizes[0], sizes[1], paced)/messages)
	case "create":
		create(sizes[0], sizes[1])
	case "idle":
		idle(sizes[0])
	case "fib":
		result("fib_ms", timed(func() { sum = fib(sizes[0]) })/1e6)
	case "loop":
		loop(sizes[0])
	case "list":
		list(sizes[0])
	}
}
