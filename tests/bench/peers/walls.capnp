# What the desk and the guests of works_capnp.cc can be asked.
@0xd4f1a7be5c0397e2;

interface Guest {
  poke @0 ();
}

interface Desk {
  get @0 () -> (n :Int64);
  meet @1 (a :Guest, b :Guest);
  take @2 (guest :Guest);
  guests @3 (count :UInt32) -> (list :List(Guest));
}

interface Wire {
  echo @0 (text :Data) -> (text :Data);
  note @1 (text :Data);
  itself @2 () -> (wire :Wire);
}
