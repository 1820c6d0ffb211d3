// Precompiled for components that use gRPC: pch_base.h and gRPC's and protobuf's own headers.
#include "cmake/pch_base.h"

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/server_callback.h>
