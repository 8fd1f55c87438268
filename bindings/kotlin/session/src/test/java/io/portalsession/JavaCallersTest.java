// The API as Java sees it.
package io.portalsession;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class JavaCallersTest {
    private final BlockingQueue<Object> told = new LinkedBlockingQueue<>();
    private final LeaseCallback callback = new LeaseCallback() {
        @Override public void onLease(Lease lease) {
            told.add(lease);
        }

        @Override public void onFailure(ClientSessionException failure) {
            told.add(failure);
        }
    };

    private Object next() throws InterruptedException {
        return told.poll(60, TimeUnit.SECONDS);
    }

    @Test void aJavaAppLeasesReportsAndLogsOut() throws Exception {
        CallbackTokenProvider provider = (request, answer) -> {
            answer.answer(new TokenAnswer.Token("from-java"));
            answer.answer(new TokenAnswer.Declined()); // too late: dropped
        };
        try (ClientSession session = new ClientSessionBuilder().name("java").callbackProvider(provider).open()) {
            session.lease(Runnable::run, callback);
            Lease lease = assertInstanceOf(Lease.class, next());
            assertEquals("from-java", lease.token());
            session.report(lease, 200);
            assertEquals(SessionState.FRESH, session.readStatus().getState());
            session.switchUser(new TokenAnswer.Token("next"), Runnable::run, failure -> told.add("switched"));
            assertEquals("switched", next());
            session.signOut(Runnable::run, failure -> told.add(failure == null ? "cleared" : failure));
            assertEquals("cleared", next());
            assertNull(session.tryLease());
            session.lease(Runnable::run, callback);
            assertInstanceOf(ClientSessionException.SignInNeeded.class, next());
        }
    }

    @Test void aJavaAppRenewsNoticesObservesAndCatches() throws Exception {
        int[] asked = {0};
        ClientSessionBuilder builder = new ClientSessionBuilder();
        builder.callbackProvider((request, answer) -> answer.answer(new TokenAnswer.Token("token-" + ++asked[0])));
        builder.policy(new SessionPolicy().idleMillis(3_600_000).withoutRenewalLead());
        try (ClientSession session = builder.open()) {
            BlockingQueue<SessionEvent.Kind> kinds = new LinkedBlockingQueue<>();
            AutoCloseable observing = session.observe(Runnable::run, (event, status) -> kinds.add(event.getKind()));
            session.lease(Runnable::run, callback, LeaseOptions.DEFAULT.timeoutMillis(60_000));
            Lease first = assertInstanceOf(Lease.class, next());
            session.renew(Runnable::run, callback);
            assertEquals("token-2", assertInstanceOf(Lease.class, next()).token());
            session.notify(SessionNotice.FOREGROUND, Runnable::run, failure -> told.add("noticed"));
            assertEquals("noticed", next());
            assertEquals(2, kinds.stream().filter(kind -> kind == SessionEvent.Kind.NEW_TOKEN).count());
            observing.close();
            session.report(first, 401); // of an older token: nothing happens
            session.signOut(Runnable::run, failure -> told.add("out"));
            assertEquals("out", next());
            try {
                session.report(first, 200);
            } catch (ClientSessionException.Stale stale) {
                assertEquals(SessionErrorCode.STALE, stale.getCode());
                return;
            } catch (ClientSessionException other) {
                throw new AssertionError(other);
            }
            throw new AssertionError("a report after a sign-out was taken");
        }
    }

    /** The Java of bindings/kotlin/README.md. */
    @Test void theGuidesJavaRuns() throws Exception {
        java.util.concurrent.Executor executor = Runnable::run;
        ClientSession session = new ClientSessionBuilder()
                .callbackProvider((request, answer) -> answer.answer(new TokenAnswer.Token("from your backend")))
                .open();
        session.lease(executor, callback, LeaseOptions.DEFAULT.timeoutMillis(10_000));
        session.signOut(executor, failure -> { });
        next(); // the token, or that the user signed out: whichever was faster
        session.close(60_000);
    }

    @Test void aJavaAppCancelsItsWait() throws Exception {
        CallbackTokenProvider silent = (request, answer) -> { };
        try (ClientSession session = new ClientSessionBuilder().callbackProvider(silent).open()) {
            session.lease(Runnable::run, callback, LeaseOptions.DEFAULT.timeoutMillis(1_000_000_000L)).cancel();
        } catch (ClientSessionException refused) { // over 10 minutes
            assertInstanceOf(ClientSessionException.Misuse.class, refused);
        }
        try (ClientSession session = new ClientSessionBuilder().callbackProvider(silent).open()) {
            session.lease(Runnable::run, callback).cancel();
            assertInstanceOf(ClientSessionException.Closed.class, next());
        }
    }
}
