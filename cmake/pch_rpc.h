// Precompiled for components that use gRPC: the schema's messages and gRPC's own headers.
#include "cmake/pch_schema.h"

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/server_callback.h>
