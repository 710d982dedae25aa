"""Tasks with models, importable by workers."""

from pydantic import BaseModel, ValidationInfo, field_validator

from nbtasks.roster import shared_task


class Order(BaseModel):
    item: str
    number: int = 1

    @field_validator("item")
    @classmethod
    def known(cls, item: str, info: ValidationInfo) -> str:
        context = info.context or {}
        if item in context.get("sold", ()):
            raise ValueError(f"{item} is sold, says {context['task_name']}")
        return item


class Bill(BaseModel):
    text: str
    total: float


def bill(order: Order, price: float = 2.0, more: list[Order] | None = None) -> Bill:
    assert isinstance(order, Order)
    orders = [order, *(more or [])]
    assert all(isinstance(each, Order) for each in orders)
    return Bill(text=order.item, total=sum(each.number for each in orders) * price)


@shared_task(pydantic=True)
def total(orders: list[Order]) -> Bill:
    return Bill(text="total", total=2 * sum(each.number for each in orders))


def name_of(name):
    return name


async def bill_async(order: Order) -> list[Bill]:
    return [bill(order)]


def plain(number: int) -> dict[str, Order]:
    return {"order": Order(item=str(number), number=number)}


def bound(self, order: Order | None = None):
    return [self.request.task, order and order.item]
