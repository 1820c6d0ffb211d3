// What jemalloc reads when a service starts (docs/adr/0006): threads of its own give back what is
// not used any more. Without them a thread gives back when it allocates, and those of a master that
// has become quiet do not. The environment's MALLOC_CONF comes after it.
//
// Source: jemalloc(3), "TUNING".

extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true";
}
