"""Published letters to look at: one in English, Korean and Arabic, one older, one that was corrected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from tests.flow.world import World
from urgentaction.alerts.models import Alert
from urgentaction.cases.models import CaseText, Person
from urgentaction.cases.vocabulary import Status
from urgentaction.core import clock
from urgentaction.letters.models import Publication, PublicEdition
from urgentaction.letters.publishing import Terms, publish_letter
from urgentaction.letters.topics import Topic

CONFIDENTIAL = "Sample Confidential"

ENGLISH = """
## re_line
Two refugees at risk of forced return

## who
The two left their country in October. One of them is **eleven years old**.

## request
We ask you to speak today with the government that holds them, so that they are *not* sent back.

## latest
According to the latest information we have, they are held close to the border, in a building of the border guard.
Nobody from outside has been allowed to see them.

## law
Nobody may be returned to a place where torture threatens ([Convention against Torture](https://treaties.example/cat),
article 3). The ban knows no exception.

## demands
- Say where they are.
- Let them see a lawyer and the United Nations.
- Let them travel to a country of their choice.
"""

KOREAN = """
## re_line
강제송환 위기에 놓인 난민 두 사람에 관한 건

## who
두 사람은 10월에 고국을 떠났으며, 그 가운데 한 사람은 **열한 살**입니다.

## request
두 사람이 송환되지 않도록, 이들을 억류하고 있는 정부와 오늘 바로 교섭해 주시기를 간곡히 요청드립니다.

## latest
저희가 입수한 최신 정보에 따르면, 두 사람은 국경 가까이에 있는 국경경비대 건물에 억류되어 있습니다.
아직 아무도 이들을 만나지 못했습니다.

## law
고문의 위험이 있는 곳으로는 누구도 돌려보낼 수 없습니다([고문방지협약](https://treaties.example/cat) 제3조).

## demands
- 두 사람의 소재를 밝혀 주십시오.
- 변호인과 유엔을 만날 수 있게 해 주십시오.
- 스스로 선택한 나라로 갈 수 있게 해 주십시오.
"""

ARABIC = {
    "title": "رسالة مفتوحة من Urgent Action Network إلى الرئيسة، مكتب الرئيسة",
    "re_line": "لاجئان معرّضان لخطر الإعادة القسرية",
    "parts": {
        "organisation": "Urgent Action Network",
        "date_line": "٢٤ نوفمبر ٢٠١٥",
        "addressee": ["الرئيسة", "مكتب الرئيسة", "1 Sample Street", "الفاكس: +82 2-770-4721"],
        "salutation": "فخامة الرئيسة،",
        "closing": "وتفضلوا بقبول فائق الاحترام،",
        "signature": ["Brad Adams", "المدير التنفيذي", "Urgent Action Network"],
        "cc": ["الوزير، وزارة الخارجية"],
        "reference": "UA-2026-0001/1",
    },
    "html": "<p>نطلب إليكم أن تتحدثوا اليوم مع الحكومة التي تحتجزهما كي <strong>لا يُعادا</strong> قسراً.</p>"
    "<p>وفقاً لأحدث ما لدينا من معلومات، فهما محتجزان قرب الحدود في مبنى لحرس الحدود (UN reference 2015/1).</p>"
    "<ul><li>أعلنوا مكان وجودهما.</li><li>اسمحوا لهما بالسفر إلى بلد يختارانه.</li></ul>",
}


@dataclass
class Letters:
    """A world with one alert whose letter is published."""

    world: World
    alert: Alert
    publication: Publication

    @property
    def path(self) -> str:
        return f"/letters/{self.publication.slug}/"

    @classmethod
    def make(cls) -> Letters:
        world = World.make()
        case = world.case
        CaseText.objects.filter(case=case).update(markdown=ENGLISH)
        CaseText.objects.create(case=case, language="ko", markdown=KOREAN)
        case.background_url = "https://background.example/case"
        case.save()
        Person.objects.create(
            case=case,
            key="person-1",
            confidential_name=CONFIDENTIAL,
            descriptions={"en": "a woman", "ko": "여성 한 사람"},
        )
        office = world.president.office
        office.names = {"en": "President of the Republic", "ko": "대통령"}
        office.postal_address = {"en": ["1 Sample Street", "Seoul 03048"], "ko": ["서울특별시 종로구 견본로 1"]}
        office.save()
        president = world.president
        president.names = {"en": "Kim Sample", "ko": "김견본"}
        president.salutations = {"en": "Dear President Kim", "ko": "존경하는 김견본 대통령님께"}
        president.save()
        alert = world.update(Status.RETURN_IMMINENT, day=date(2026, 11, 20)).alerts[0]
        return cls(world, alert, cls._published(alert))

    @classmethod
    def _published(cls, alert: Alert) -> Publication:
        from urgentaction import pipeline

        pipeline.advance_alert(alert.id)
        alert.refresh_from_db()
        terms = Terms(languages=("en", "ko"), region="030", topic=Topic.REFUGEES)
        publication = publish_letter(alert, terms, by="cli:test")
        english = publication.editions.get(language="en")
        PublicEdition.objects.create(
            publication=publication,
            language="ar",
            text=" ".join(ARABIC["parts"]["addressee"]),  # type: ignore[index]
            pdf=bytes(english.pdf),
            sha256=english.sha256,
            template_sha256=english.template_sha256,
            frozen_at=clock.now(),
            **ARABIC,
        )
        return publication

    def corrected(self) -> Publication:
        """A second letter that corrects the first."""
        terms = Terms(
            languages=("en",), corrects=self.publication.slug, correction={"en": "The date of arrest was wrong."}
        )
        return publish_letter(self.alert, replace(terms, topic=Topic.REFUGEES, region="030"), by="cli:test")
