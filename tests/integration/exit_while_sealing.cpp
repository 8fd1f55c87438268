// Ends while threads seal and open, and while others begin to: what an app's exit() does to a store that works. Each thread
// is new to OpenSSL, since that is where it makes what its own exit handler frees.
#include <atomic>
#include <string>
#include <thread>

#include "base/thread_group.hpp"
#include "store/aes_gcm_cipher.hpp"

namespace {

constexpr int seals_before_exit = 200;
constexpr int threads_at_once = 3;
std::atomic<int> seals{0};
std::atomic<int> threads{0};

void work() {
    const portal::AesGcmCipher cipher;
    const std::string key(portal::key_bytes, 'k');
    for (int i = 0; i < 20; ++i) {
        const auto sealed = cipher.seal(key, "outside", "text");
        if (sealed) (void)cipher.open(std::string(portal::key_bytes, 'o'), "outside", *sealed);  // which makes an error state
        ++seals;
    }
    --threads;
}

}  // namespace

int main() {
    while (seals < seals_before_exit) {
        if (threads >= threads_at_once) {
            std::this_thread::yield();
            continue;
        }
        ++threads;
        portal::ThreadGroup::of_process().start("seals", work);
    }
    return 0;
}
