"""Sharing a conversation inside the company: made, changed and withdrawn by its owner alone.

Each deed is one transaction with its entry in the record. Whoever opens a share is asked anew what she
may read (chat/share_reading.py), so nothing here gives a right to a document.
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from audit import actions
from audit.problems import Problem
from audit.record import record
from chat.access import get_answer
from chat.models import Conversation, Message, Share
from chat.share_access import get_own_share, open_shares
from chat.share_audience import Recipients, recipients_of
from chat.share_reading import pairs_of

#: Of one conversation at once: its page looks at each of them.
MOST_SHARES = 20
UNFINISHED = (Message.Status.QUEUED, Message.Status.RUNNING)


def branch_answers(share: Share) -> list[Message]:
    """The answers of a share (that need not be kept yet), sources loaded. For its owner.

    Raises Problem `answer-running`.
    """
    answers = [pair.answer for pair in pairs_of([share])[share.pk]]
    if any(answer.status in UNFINISHED for answer in answers):
        raise Problem(409, "answer-running", _("This answer is still being written. Wait for it."))
    return answers


def up_to(user: User, answer: Message) -> Share:
    """A share of all that leads to an answer of the person's own, not kept yet. Raises Http404."""
    answer = get_answer(user, answer.pk)
    return Share(conversation=answer.conversation, ordinal=answer.ordinal)


def shares_of(conversation: Conversation) -> list[Share]:
    """Its open shares, newest first. For its owner."""
    return list(open_shares().filter(conversation=conversation))


def shared_names(conversation: Conversation) -> list[str]:
    """With whom any of it is shared now, each once. For its owner."""
    names = (name for share in shares_of(conversation) for name in recipients_of(share).names())
    return list(dict.fromkeys(names))


@transaction.atomic
def share_answer(user: User, answer: Message, recipients: Recipients) -> Share:
    """Share the conversation up to an answer of the person's own.

    Raises Problem `answer-running`, `too-many-shares`.
    """
    share = up_to(user, answer)
    if open_shares().filter(conversation=share.conversation).count() >= MOST_SHARES:
        detail = _("This conversation is shared %(most)d times. End one of these first.")
        raise Problem(409, "too-many-shares", detail % {"most": MOST_SHARES})
    answers = branch_answers(share)
    if settings.SHARE_DAYS:
        share.expires_at = timezone.now() + timedelta(days=settings.SHARE_DAYS)
    share.save()
    _set(share, recipients)
    record(
        actions.SHARED,
        actor=user,
        target=("share", share.pk),
        data={
            "conversation": str(share.conversation_id),
            "answers": len(answers),
            "recipients": sorted(recipients.principals()),
            "expires_at": share.expires_at.isoformat(timespec="seconds")
            if share.expires_at
            else "",
        },
    )
    return share


@transaction.atomic
def change_recipients(user: User, share: Share, recipients: Recipients) -> Share:
    """Say anew with whom it is shared: who is left out finds nothing there from now on."""
    share = locked(user, share)
    before, after = set(recipients_of(share).principals()), set(recipients.principals())
    _set(share, recipients)
    record(
        actions.SHARE_CHANGED,
        actor=user,
        target=("share", share.pk),
        data={
            "conversation": str(share.conversation_id),
            "count": len(after),
            "added": sorted(after - before),
            "removed": sorted(before - after),
        },
    )
    return share


@transaction.atomic
def withdraw(user: User, share: Share) -> None:
    """End a share now. Raises Http404 where it has ended already."""
    share = locked(user, share)
    share.withdrawn_at = timezone.now()
    share.save(update_fields=["withdrawn_at"])
    data = {"conversation": str(share.conversation_id)}
    record(actions.SHARE_WITHDRAWN, actor=user, target=("share", share.pk), data=data)


def locked(user: User, share: Share) -> Share:
    """One's own share, held still to the end of the transaction. Raises Http404."""
    Share.objects.select_for_update().filter(pk=share.pk).first()
    return get_own_share(user, share.pk)


def _set(share: Share, recipients: Recipients) -> None:
    share.users.set(recipients.users)
    share.groups.set(recipients.groups)
