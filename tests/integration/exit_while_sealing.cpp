// Ends while threads seal and open, and while others begin to: what an app's exit() does to a store that works. Each thread
// is new to OpenSSL, since that is where it makes what its own exit handler frees.
#include <atomic>
#include <string>
#include <thread>

#include "base/thread_group.hpp"
#include "store/aes_gcm_cipher.hpp"

namespace {

constexpr int seals_before_exit = 200;
std::atomic<int> seals{0};

void work() {
    const portal::AesGcmCipher cipher;
    const std::string key(portal::key_bytes, 'k');
    for (int i = 0; i < 20; ++i) {
        const auto sealed = cipher.seal(key, "outside", "text");
        if (sealed) (void)cipher.open(std::string(portal::key_bytes, 'o'), "outside", *sealed);  // which makes an error state
        ++seals;
    }
}

}  // namespace

int main() {
    portal::ThreadGroup& threads = portal::ThreadGroup::of_process();
    for (int lane = 0; lane < 3; ++lane)
        threads.start("starts-others", [&threads] {
            for (;;) threads.start_joinable("seals", work).join();
        });
    while (seals < seals_before_exit) std::this_thread::yield();
    return 0;
}
