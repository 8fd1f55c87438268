// libcurl's memory: requests and answers with their tokens pass through its buffers, so what it frees is wiped first.
#pragma once

namespace portal {

// Initialises libcurl with an allocator that wipes. Where the host has initialised its shared libcurl before, that one's
// allocator stays.
void initialise_wiping_curl();

}  // namespace portal
