"""What stays of somebody who leaves: the figures, without her name, groups and the answers' ids."""

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from accounts.models import User
from usage.keeping import stand
from usage.models import Answered, AnsweredGroup


@receiver(pre_delete, sender=User, dispatch_uid="usage.rows_of_person")
def forget_person(instance: User, **_: Any) -> None:
    """Runs in the transaction in which her account goes. Months that are over stay as they were told."""
    stand(instance)
    AnsweredGroup.objects.filter(answered__user=instance.pk).delete()
    Answered.objects.filter(user=instance.pk).update(user=None, answer=None)
