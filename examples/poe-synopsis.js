// The ancestor's synopsis, line by line: its own text stands in the comments, ours below each part.
//
//   use POE;
//   use POE::Component::Server::PreforkTCP;
import { PreforkTCP } from 'forkless/poe';

//   new POE::Component::Server::PreforkTCP(
//       Port => 10000,
//   #   MaxServer => 100,
//   #   MinServer => 10,
//   #   StartServer => 10,
//   #   ...
//   #   MaxSessionPerServer => 1,
//   #   MaxServerLifeTime => 50,
//   #   ShutdownChildren => 1,
const master = await PreforkTCP(import.meta.url, {
  Port: Number(process.env.PORT || 10000),
  // MaxServer: 100,
  // MinServer: 10,
  // StartServer: 10,
  // …
  // MaxSessionPerServer: 1,
  // MaxServerLifeTime: 50,
  // ShutdownChildren: 1,

  //     ClientConnected => sub {
  //         my ( $heap , $input, $kernel)
  //             = @_[HEAP, ARG0, KERNEL];
  //         $heap->{client}->put("test server , welcome$$ !\n");
  //     },
  ClientConnected: ({ heap, kernel }) => {
    // A worker is a thread: its number is what the process id was.
    heap.client.put(`test server , welcome${kernel.ID} !\n`);
  },

  //     ClientInput => sub {
  //         my ( $heap , $input, $kernel)
  //             = @_[HEAP, ARG0, KERNEL];
  //         $heap->{client}->put("$$ : $input\n");
  //         print("$$ : $input\n");
  ClientInput: ({ heap, arg0: input, kernel }) => {
    heap.client.put(`${kernel.ID} : ${input}\n`);
    console.log(`${kernel.ID} : ${input}`);

    //     if ( $input eq 'quit' ) {
    //         $kernel->yield('shutdown');
    //     }
    if (input === 'quit') {
      kernel.yield('shutdown');
    }

    //     if ( $input eq 'exit' ) {
    //         $kernel->yield('shutdown');
    //         $kernel->post($heap->{master_alias},
    //                 'shutdown');
    //     }
    if (input === 'exit') {
      kernel.yield('shutdown');
      kernel.post(heap.master_alias, 'shutdown');
    }

    //     if ( $input eq 'kill' ) {
    //         exit 1;
    //     }
    if (input === 'kill') {
      process.exit(1);
    }
  },
  //     }
  //   );
});

//   POE::Kernel->run();
//
//   exit 0;
// Here, in the main thread, the server runs by itself until it is closed.
const { port } = master.heap.listener.getsockname();
console.log(`Listening; talk to it with: nc localhost ${port}`);
process.once('SIGINT', () => {
  master.kernel.post(master.heap.master_alias, 'shutdown_all');
});
