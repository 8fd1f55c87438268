// Values that cross between Java and the C API: bytes, leases, failures. No text crosses as a Java string, since JNI's own
// "modified UTF-8" is not UTF-8.
#pragma once

#include <jni.h>

#include <portal_session/portal_session.h>

namespace portal_jni {

// A byte[] of Java, borrowed for a call; the copy that the Java machine may have made is wiped.
class Bytes {
public:
    Bytes(JNIEnv* env, jbyteArray array);  // null: empty
    ~Bytes();
    Bytes(const Bytes&) = delete;
    Bytes& operator=(const Bytes&) = delete;

    [[nodiscard]] bool failed() const { return failed_; }  // no memory; a Java exception is pending
    [[nodiscard]] portal_text text() const { return {static_cast<const char*>(data_), size_}; }
    [[nodiscard]] portal_bytes bytes() const { return {data_, size_}; }

private:
    JNIEnv* env_;
    jbyteArray array_;
    void* data_ = nullptr;
    size_t size_ = 0;
    jboolean is_copy_ = JNI_FALSE;
    bool failed_ = false;
};

// A new byte[]; null: no memory, and a Java exception is pending.
jbyteArray to_java(JNIEnv* env, const void* data, size_t size);

// A lease as Java holds it, io.portalsession.Lease: the struct's bytes, then the token's.
static_assert(sizeof(portal_lease) == 64, "Lease.kt reads this struct by its offsets");
struct LeaseBytes {
    portal_lease lease;
    char token[PORTAL_TOKEN_MAX];
};
jbyteArray lease_to_java(JNIEnv* env, const portal_lease& lease, portal_text token);
portal_lease lease_of_java(JNIEnv* env, jbyteArray bytes);

// A struct of the C API, set up.
template <typename Struct>
Struct made() {
    Struct made;
    portal_init(&made, sizeof made);
    return made;
}

// A ClientSessionException.
jobject to_java(JNIEnv* env, portal_code code, const portal_error* error);

// Throws where the code is one of failure. True: all is well.
bool check(JNIEnv* env, portal_code code, const portal_error& error);

}  // namespace portal_jni
