const image = '/{version}/images/{image_id}';

/**
 * Every route of the API, by the function that serves it and the operation's name: the only list there is. The CDK
 * stack makes the gateway's routes from it and the functions find their operations by it.
 *
 * `{version}` is `v2` or one of its aliases (`v2.9`); the function refuses any other. What no route takes goes to
 * `$default`, which tells an unknown path from a wrong method.
 */
export const routes = {
  members: {
    listMembers: `GET ${image}/members`,
    offerImage: `POST ${image}/members`,
    showMember: `GET ${image}/members/{member_id}`,
    answerOffer: `PUT ${image}/members/{member_id}`,
    withdrawOffer: `DELETE ${image}/members/{member_id}`,
  },
  images: {
    listImages: 'GET /{version}/images',
    createImage: 'POST /{version}/images',
    showImage: `GET ${image}`,
    updateImage: `PATCH ${image}`,
    deleteImage: `DELETE ${image}`,
    addTag: `PUT ${image}/tags/{tag}`,
    removeTag: `DELETE ${image}/tags/{tag}`,
    downloadImage: `GET ${image}/file`,
  },
  discovery: {
    showSchema: 'GET /{version}/schemas/{schema}',
    fallback: '$default',
  },
} as const;
