"""Drives openstacksdk through the sharing of an image between two projects.

usage: openstacksdk-flow.py BASE

Prints a line for each check: "ok ..." or "not ok ...", the latter followed by what went wrong, indented. Exit code 1
when any failed.
"""

import hashlib
import sys
import time
import traceback

import openstack
from openstack import exceptions

BASE = sys.argv[1]
FAILED = []


def connection(token, **settings):
    return openstack.connection.Connection(
        auth_type='admin_token', auth={'endpoint': f'{BASE}/v2', 'token': token}, **settings
    ).image


def check(title):
    """Runs the decorated function at once, as a check with this title."""

    def run(body):
        try:
            body()
        except Exception:
            FAILED.append(title)
            print(f'not ok openstacksdk: {title}')
            print('\n'.join(f'    {line}' for line in traceback.format_exc().splitlines()), flush=True)
        else:
            print(f'ok openstacksdk: {title}', flush=True)

    return run


def same(actual, expected):
    if actual != expected:
        raise AssertionError(f'want {expected!r}, got {actual!r}')


def refused(expected, status, action):
    """The action raises this exception, with this status and a sentence of the server's."""
    try:
        done = action()
    except exceptions.HttpException as error:
        same((type(error), error.status_code), (expected, status))
        details = error.details or ''
        if ' ' not in details or '<' in details or '{' in details:
            raise AssertionError(f'no sentence in the error: {details!r}') from error
        return
    raise AssertionError(f'was not refused, and answered {done!r}')


owner = connection('dev:olga:sdk-owner:member')
member = connection('dev:mark:sdk-member:member')
stranger = connection('dev:sven:sdk-stranger:member')
IMAGE = {}


def image():
    return IMAGE['id']


@check('discovery finds the image API from the base, with and without a trailing slash')
def _():
    for endpoint in (BASE, f'{BASE}/'):
        discovered = connection('dev:olga:sdk-owner:member', image_endpoint_override=endpoint)
        same(list(discovered.images()), [])


@check('the owner creates an image, shared by default')
def _():
    made = owner.create_image('an sdk picture', disk_format='raw', container_format='bare', wait=False)
    IMAGE['id'] = made.id
    same(
        (made.name, made.visibility, made.status, made.owner_id, made.is_hidden),
        ('an sdk picture', 'shared', 'queued', 'sdk-owner', False),
    )


@check('the owner offers it')
def _():
    offered = owner.add_member(image(), member_id='sdk-member')
    same((offered.member_id, offered.status), ('sdk-member', 'pending'))
    same([i.id for i in member.images()], [])
    same([i.id for i in member.images(member_status='pending')], [image()])


@check('the member accepts')
def _():
    same(member.update_member('sdk-member', image(), status='accepted').status, 'accepted')
    same([i.id for i in member.images()], [image()])
    same([i.id for i in member.images(member_status='accepted', visibility='shared')], [image()])
    same([i.id for i in member.images(member_status='pending')], [])


@check('the owner imports its data from a URL, and the member downloads and verifies them')
def _():
    # The list of versions of the server itself, because it needs no other server.
    owner.import_image(owner.get_image(image()), method='web-download', uri=f'{BASE}/versions')
    for _ in range(300):
        if owner.get_image(image()).status != 'importing':
            break
        time.sleep(0.1)
    imported = owner.get_image(image())
    same((imported.status, imported.hash_algo), ('active', 'sha512'))
    data = member.download_image(image()).content
    same((len(data), hashlib.sha512(data).hexdigest()), (imported.size, imported.hash_value))
    same([i.id for i in member.images(status='active')], [image()])


@check('owner and member list and show the membership')
def _():
    for project in (owner, member):
        same([(m.member_id, m.status) for m in project.members(image())], [('sdk-member', 'accepted')])
        same(project.get_member('sdk-member', image()).status, 'accepted')
        same(project.find_member('sdk-member', image()).status, 'accepted')
    same(owner.find_member('sdk-stranger', image()), None)


@check('the member finds it by name, a stranger does not')
def _():
    same(member.find_image('an sdk picture').id, image())
    same(stranger.find_image('an sdk picture'), None)
    same(stranger.find_image(image()), None)


@check('refusals are typed and in words: 400, 401, 403, 404, 409')
def _():
    refused(
        exceptions.BadRequestException, 400, lambda: member.update_member('sdk-member', image(), status='perhaps')
    )
    refused(exceptions.HttpException, 401, lambda: connection('nobody').get_image(image()))
    refused(exceptions.ForbiddenException, 403, lambda: member.add_member(image(), member_id='sdk-stranger'))
    refused(exceptions.ForbiddenException, 403, lambda: member.delete_image(image()))
    refused(exceptions.NotFoundException, 404, lambda: stranger.get_image(image()))
    refused(exceptions.ConflictException, 409, lambda: owner.add_member(image(), member_id='sdk-member'))


@check('the owner changes the visibility, and the membership outlives it')
def _():
    same(owner.update_image(image(), visibility='private').visibility, 'private')
    same([i.id for i in member.images()], [])
    same(owner.update_image(image(), visibility='shared').visibility, 'shared')
    same([i.id for i in member.images()], [image()])


@check('the owner hides it')
def _():
    same(owner.update_image(image(), is_hidden=True).is_hidden, True)
    same([i.id for i in member.images()], [])
    same([i.id for i in member.images(is_hidden=True)], [image()])
    same(owner.update_image(image(), is_hidden=False).is_hidden, False)


@check('the owner tags it')
def _():
    owner.add_tag(image(), 'winter')
    same(owner.get_image(image()).tags, ['winter'])
    owner.remove_tag(image(), 'winter')
    same(owner.get_image(image()).tags, [])


@check('a list of several pages is complete')
def _():
    made = [owner.create_image(name, wait=False).id for name in ('sdk one', 'sdk two')]
    same({i.id for i in owner.images(limit=1)}, {image(), *made})


@check('after the withdrawal the image is gone for the former member')
def _():
    owner.remove_member('sdk-member', image(), ignore_missing=False)
    same(list(owner.members(image())), [])
    same([i.id for i in member.images(member_status='all')], [])
    refused(exceptions.NotFoundException, 404, lambda: member.get_image(image()))
    refused(
        exceptions.NotFoundException, 404, lambda: member.update_member('sdk-member', image(), status='accepted')
    )
    refused(
        exceptions.NotFoundException,
        404,
        lambda: owner.remove_member('sdk-member', image(), ignore_missing=False),
    )


@check('the owner deletes it')
def _():
    owner.delete_image(image(), ignore_missing=False)
    same(owner.find_image('an sdk picture'), None)


sys.exit(1 if FAILED else 0)
