// meros-sim: see README.md and libs/simulation/seeds.h.
#include <stdlib.h>

#include "tests/simulation/scenario.h"

int main(int argc, char** argv) {
  // What production survives and counts ends a simulation, also one that is replayed by hand.
  setenv("MEROS_BUG_IS_FATAL", "1", /*overwrite=*/1);
  return meros::simulation::SeedsMain(argc, argv, "sim", &meros::simulation::RunCluster);
}
