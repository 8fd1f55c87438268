#include "environment.hpp"

namespace portal_jni {
namespace {

JavaVM* machine = nullptr;
Java looked_up;

// Android's jni.h and the JDK's differ in the type of this one parameter.
jint attach_as_daemon(JNIEnv** env, JavaVMAttachArgs* arguments) {
#ifdef __ANDROID__
    return machine->AttachCurrentThreadAsDaemon(env, arguments);
#else
    return machine->AttachCurrentThreadAsDaemon(reinterpret_cast<void**>(env), arguments);
#endif
}

thread_local bool attached_here = false;

class Attachment {
public:
    Attachment() {
        attached_here = true;
        char name[] = "portal-session";
        JavaVMAttachArgs arguments{JNI_VERSION_1_6, name, nullptr};
        if (attach_as_daemon(&env_, &arguments) != JNI_OK) env_ = nullptr;
    }
    ~Attachment() {
        if (env_ != nullptr) machine->DetachCurrentThread();
    }
    Attachment(const Attachment&) = delete;
    Attachment& operator=(const Attachment&) = delete;

    [[nodiscard]] JNIEnv* env() const { return env_; }

private:
    JNIEnv* env_ = nullptr;
};

jmethodID method_of(JNIEnv* env, const char* class_name, const char* name, const char* signature) {
    jclass type = env->FindClass(class_name);
    if (type == nullptr) return nullptr;
    jmethodID method = env->GetMethodID(type, name, signature);
    env->DeleteLocalRef(type);
    return method;
}

}  // namespace

const Java& java() { return looked_up; }

bool look_up(JavaVM* vm, JNIEnv* env) {
    machine = vm;
    jclass bridge = env->FindClass("io/portalsession/internal/NativeBridge");
    if (bridge == nullptr) return false;
    looked_up.bridge = static_cast<jclass>(env->NewGlobalRef(bridge));
    env->DeleteLocalRef(bridge);
    if (looked_up.bridge == nullptr) return false;
    looked_up.failure =
        env->GetStaticMethodID(looked_up.bridge, "failure", "(IIIIJ[B)Lio/portalsession/ClientSessionException;");
    if (looked_up.failure == nullptr) return false;

    constexpr const char* completion = "io/portalsession/internal/NativeCompletion";
    constexpr const char* host = "io/portalsession/internal/NativeHost";
    struct Entry {
        jmethodID* method;
        const char* type;
        const char* name;
        const char* signature;
    };
    const Entry entries[] = {
        {&looked_up.complete, completion, "complete", "([BLio/portalsession/ClientSessionException;)V"},
        {&looked_up.ask, host, "ask", "(JIIJJ[B)V"},
        {&looked_up.withdrawn, host, "withdrawn", "(J)V"},
        {&looked_up.event, host, "event", "(IIIIJJJJJ)V"},
        {&looked_up.log, host, "log", "(I[B)V"},
        {&looked_up.load, host, "load", "(J[B)V"},
        {&looked_up.save, host, "save", "(J[BJ[B)V"},
        {&looked_up.read_clock, host, "readClock", "()[J"},
    };
    for (const Entry& entry : entries) {
        *entry.method = method_of(env, entry.type, entry.name, entry.signature);
        if (*entry.method == nullptr) return false;
    }
    return true;
}

JNIEnv* environment() {
    void* env = nullptr;
    if (machine->GetEnv(&env, JNI_VERSION_1_6) == JNI_OK) return static_cast<JNIEnv*>(env);
    thread_local const Attachment attachment;
    return attachment.env();
}

bool on_library_thread() { return attached_here; }

Upcall::Upcall(jint local_references) : env_(environment()) {
    if (env_ == nullptr || env_->PushLocalFrame(local_references) == 0) return;
    env_->ExceptionClear();
    env_ = nullptr;
}

Upcall::~Upcall() {
    if (env_ == nullptr) return;
    // What is thrown here was the host's to catch; it ends here, as no Java caller is below.
    if (env_->ExceptionCheck()) env_->ExceptionClear();
    env_->PopLocalFrame(nullptr);
}

void* hold(JNIEnv* env, jobject object) { return env->NewGlobalRef(object); }

void let_go(void* userdata) {
    JNIEnv* env = environment();
    if (env != nullptr) env->DeleteGlobalRef(static_cast<jobject>(userdata));
}

}  // namespace portal_jni
