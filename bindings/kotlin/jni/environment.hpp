// The Java side as native code sees it: this thread's environment, what JNI_OnLoad looked up, and upcalls.
#pragma once

#include <jni.h>

namespace portal_jni {

// Looked up once in JNI_OnLoad: on a thread of the library's own, FindClass would search the wrong class loader.
struct Java {
    jclass bridge = nullptr;  // io.portalsession.internal.NativeBridge
    jmethodID failure = nullptr;
    jmethodID complete = nullptr;
    jmethodID ask = nullptr;
    jmethodID withdrawn = nullptr;
    jmethodID event = nullptr;
    jmethodID log = nullptr;
    jmethodID load = nullptr;
    jmethodID save = nullptr;
    jmethodID read_clock = nullptr;
};
const Java& java();

// False: something is missing; a Java exception says what.
bool look_up(JavaVM* vm, JNIEnv* env);

// This thread's environment; null once the Java machine is gone. A thread of the library's own is attached at its first
// call, as a daemon, so that it keeps no process alive, and detached when it ends.
JNIEnv* environment();

// Whether this thread is the library's own: a blocking wait on it would wait for itself.
bool on_library_thread();

// The frame of one call into Java: what it makes is freed at its end, and no exception leaves it.
class Upcall {
public:
    explicit Upcall(jint local_references);
    ~Upcall();
    Upcall(const Upcall&) = delete;
    Upcall& operator=(const Upcall&) = delete;

    // False: there is no Java machine or no memory, and nothing may be called.
    explicit operator bool() const { return env_ != nullptr; }
    JNIEnv* operator->() const { return env_; }
    JNIEnv* get() const { return env_; }

private:
    JNIEnv* env_;
};

// A userdata of the C API that is a Java object: the global reference itself. Null: no memory.
void* hold(JNIEnv* env, jobject object);
void let_go(void* userdata);

}  // namespace portal_jni
