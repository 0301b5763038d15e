// Drives gophercloud through the sharing of an image between two projects.
//
// usage: gophercloud BASE
//
// Prints a line for each check: "ok ..." or "not ok ...", the latter followed by what went wrong, indented. Exit code 1
// when any failed.
package main

import (
	"context"
	"crypto/sha512"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imageimport"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/members"
	"github.com/gophercloud/gophercloud/v2/pagination"
)

const (
	ownerProject    = "go-owner"
	memberProject   = "go-member"
	strangerProject = "go-stranger"
)

var failed = false

func check(title string, body func() error) {
	if err := body(); err != nil {
		failed = true
		fmt.Printf("not ok gophercloud: %s\n    %s\n", title, strings.ReplaceAll(err.Error(), "\n", "\n    "))
		return
	}
	fmt.Printf("ok gophercloud: %s\n", title)
}

func same(actual, expected any) error {
	if !reflect.DeepEqual(actual, expected) {
		return fmt.Errorf("want %v, got %v", expected, actual)
	}
	return nil
}

// refused says whether the error is the typed one for this status.
func refused(err error, status int) error {
	if !gophercloud.ResponseCodeIs(err, status) {
		return fmt.Errorf("want a refusal with %d, got %v", status, err)
	}
	return nil
}

func first(errors ...error) error {
	for _, err := range errors {
		if err != nil {
			return err
		}
	}
	return nil
}

func client(base, token string) *gophercloud.ServiceClient {
	provider := &gophercloud.ProviderClient{TokenID: token}
	return &gophercloud.ServiceClient{ProviderClient: provider, Endpoint: base + "/v2/", Type: "image"}
}

func listed(ctx context.Context, c *gophercloud.ServiceClient, opts images.ListOpts) ([]string, error) {
	ids := []string{}
	err := images.List(c, opts).EachPage(ctx, func(_ context.Context, page pagination.Page) (bool, error) {
		found, err := images.ExtractImages(page)
		for _, image := range found {
			ids = append(ids, image.ID)
		}
		return true, err
	})
	return ids, err
}

func sameList(ctx context.Context, c *gophercloud.ServiceClient, opts images.ListOpts, expected ...string) error {
	actual, err := listed(ctx, c, opts)
	return first(err, same(actual, append([]string{}, expected...)))
}

// sameMembers compares the list of members, written "project status".
func sameMembers(ctx context.Context, c *gophercloud.ServiceClient, image string, expected ...string) error {
	page, err := members.List(c, image).AllPages(ctx)
	if err != nil {
		return err
	}
	found, err := members.ExtractMembers(page)
	actual := []string{}
	for _, member := range found {
		actual = append(actual, member.MemberID+" "+member.Status)
	}
	return first(err, same(actual, append([]string{}, expected...)))
}

func recent(at time.Time) error {
	if age := time.Since(at); age < -time.Minute || age > time.Hour {
		return fmt.Errorf("not a time of this run: %s", at)
	}
	return nil
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gophercloud BASE, where BASE is the server's URL")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	base := strings.TrimSuffix(os.Args[1], "/")
	owner := client(base, "dev:olga:"+ownerProject+":member")
	member := client(base, "dev:mark:"+memberProject+":member")
	stranger := client(base, "dev:sven:"+strangerProject+":member")
	image := "no-image-was-created"

	check("the owner creates an image, shared by default", func() error {
		made, err := images.Create(ctx, owner, images.CreateOpts{Name: "a go picture", DiskFormat: "raw", ContainerFormat: "bare"}).Extract()
		if err != nil {
			return err
		}
		image = made.ID
		return first(
			same(made.Visibility, images.ImageVisibilityShared),
			same(made.Status, images.ImageStatusQueued),
			same(made.Owner, ownerProject),
			recent(made.CreatedAt),
			recent(made.UpdatedAt),
		)
	})
	check("the owner offers it", func() error {
		offered, err := members.Create(ctx, owner, image, memberProject).Extract()
		if err != nil {
			return err
		}
		return first(
			same([]string{offered.ImageID, offered.MemberID, offered.Status}, []string{image, memberProject, "pending"}),
			recent(offered.CreatedAt),
			recent(offered.UpdatedAt),
			sameList(ctx, member, images.ListOpts{}),
			sameList(ctx, member, images.ListOpts{MemberStatus: images.ImageMemberStatusPending}, image),
		)
	})
	check("the member accepts", func() error {
		answered, err := members.Update(ctx, member, image, memberProject, members.UpdateOpts{Status: "accepted"}).Extract()
		if err != nil {
			return err
		}
		return first(same(answered.Status, "accepted"), recent(answered.UpdatedAt))
	})
	check("the owner imports its data from a URL, and the member downloads them", func() error {
		// The list of versions of the server itself, because it needs no other server.
		opts := imageimport.CreateOpts{Name: imageimport.WebDownloadMethod, URI: base + "/versions"}
		if err := imageimport.Create(ctx, owner, image, opts).ExtractErr(); err != nil {
			return err
		}
		var imported *images.Image
		for imported == nil || imported.Status == images.ImageStatusImporting {
			time.Sleep(100 * time.Millisecond)
			var err error
			if imported, err = images.Get(ctx, owner, image).Extract(); err != nil {
				return err
			}
		}
		reader, err := imagedata.Download(ctx, member, image).Extract()
		if err != nil {
			return err
		}
		defer reader.Close()
		data, err := io.ReadAll(reader)
		hash := fmt.Sprintf("%x", sha512.Sum512(data))
		return first(
			err,
			same(imported.Status, images.ImageStatusActive),
			same(int64(len(data)), imported.SizeBytes),
			same(imported.Properties["os_hash_value"], any(hash)),
		)
	})
	check("the member lists the image", func() error {
		return first(
			sameList(ctx, member, images.ListOpts{}, image),
			sameList(ctx, member, images.ListOpts{MemberStatus: images.ImageMemberStatusAccepted, Visibility: images.ImageVisibilityShared}, image),
			sameList(ctx, member, images.ListOpts{Name: "a go picture"}, image),
			sameList(ctx, member, images.ListOpts{MemberStatus: images.ImageMemberStatusPending}),
			sameList(ctx, stranger, images.ListOpts{}),
		)
	})
	check("the member's list of members is its own one", func() error {
		if _, err := members.Create(ctx, owner, image, "go-second").Extract(); err != nil {
			return err
		}
		return first(
			sameMembers(ctx, member, image, memberProject+" accepted"),
			sameMembers(ctx, owner, image, memberProject+" accepted", "go-second pending"),
			members.Delete(ctx, owner, image, "go-second").ExtractErr(),
		)
	})
	check("the member shows the image and its membership", func() error {
		shown, err := images.Get(ctx, member, image).Extract()
		if err != nil {
			return err
		}
		membership, err := members.Get(ctx, member, image, memberProject).Extract()
		if err != nil {
			return err
		}
		return first(same(shown.Name, "a go picture"), same(membership.Status, "accepted"))
	})
	check("refusals are typed: 400, 401, 403, 404, 409", func() error {
		_, badStatus := members.Update(ctx, member, image, memberProject, members.UpdateOpts{Status: "perhaps"}).Extract()
		_, noToken := images.Get(ctx, client(base, "nobody"), image).Extract()
		_, byMember := members.Create(ctx, member, image, strangerProject).Extract()
		_, byOwner := members.Update(ctx, owner, image, memberProject, members.UpdateOpts{Status: "rejected"}).Extract()
		_, hidden := images.Get(ctx, stranger, image).Extract()
		_, again := members.Create(ctx, owner, image, memberProject).Extract()
		return first(
			refused(badStatus, http.StatusBadRequest),
			refused(noToken, http.StatusUnauthorized),
			refused(byMember, http.StatusForbidden),
			refused(byOwner, http.StatusForbidden),
			refused(images.Delete(ctx, member, image).ExtractErr(), http.StatusForbidden),
			refused(hidden, http.StatusNotFound),
			refused(again, http.StatusConflict),
		)
	})
	check("the owner changes the visibility, and the membership outlives it", func() error {
		change := func(visibility images.ImageVisibility) error {
			changed, err := images.Update(ctx, owner, image, images.UpdateOpts{images.UpdateVisibility{Visibility: visibility}}).Extract()
			if err != nil {
				return err
			}
			return same(changed.Visibility, visibility)
		}
		// One after the other: each list is to be asked for between the changes.
		if err := first(change(images.ImageVisibilityPrivate), sameList(ctx, member, images.ListOpts{})); err != nil {
			return err
		}
		return first(change(images.ImageVisibilityShared), sameList(ctx, member, images.ListOpts{}, image))
	})
	check("a list of several pages is complete", func() error {
		second, err := images.Create(ctx, owner, images.CreateOpts{Name: "a second go picture"}).Extract()
		if err != nil {
			return err
		}
		found, err := listed(ctx, owner, images.ListOpts{Limit: 1})
		if err != nil {
			return err
		}
		slices.Sort(found)
		expected := []string{second.ID, image}
		slices.Sort(expected)
		return same(found, expected)
	})
	check("after the withdrawal the image is gone for the former member", func() error {
		if err := members.Delete(ctx, owner, image, memberProject).ExtractErr(); err != nil {
			return err
		}
		_, shown := images.Get(ctx, member, image).Extract()
		_, answered := members.Update(ctx, member, image, memberProject, members.UpdateOpts{Status: "accepted"}).Extract()
		return first(
			sameMembers(ctx, owner, image),
			sameList(ctx, member, images.ListOpts{MemberStatus: images.ImageMemberStatusAll}),
			refused(shown, http.StatusNotFound),
			refused(answered, http.StatusNotFound),
			refused(members.Delete(ctx, owner, image, memberProject).ExtractErr(), http.StatusNotFound),
		)
	})
	check("the owner deletes it", func() error {
		if err := images.Delete(ctx, owner, image).ExtractErr(); err != nil {
			return err
		}
		_, shown := images.Get(ctx, owner, image).Extract()
		return refused(shown, http.StatusNotFound)
	})

	if failed {
		os.Exit(1)
	}
}
