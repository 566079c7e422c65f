using System.Diagnostics;
using Iba.Datasets;
using Iba.Images;
using Iba.Rendering;
using Xunit;

namespace Tests.Datasets;

public sealed class PhotoSetTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folders_photos_come_in_ordinal_order_with_the_first_sub_folder_as_class()
    {
        Make("b.png", "a.jpg", "Z.JPEG", "notes.txt", "dog/2.webp", "dog/10.png", "dog/deep/1.gif", "Cat/1.bmp", "Cat/2.jfif", "empty/readme.md");
        PhotoSet photos = Set("");
        Assert.Equal(["Z.JPEG", "a.jpg", "b.png", "Cat/1.bmp", "Cat/2.jfif", "dog/10.png", "dog/2.webp", "dog/deep/1.gif"], Names(photos));
        Assert.Equal([null, null, null, "Cat", "Cat", "dog", "dog", "dog"], photos.Files.Select(file => file.Class));
        Assert.Equal(["Cat", "dog"], photos.Classes);
        Assert.All(photos.Files, file => Assert.Equal(_folder[file.Name], file.Path.Replace("//", "/")));
    }

    [Fact]
    public void Files_that_are_no_photos_are_skipped_and_counted()
    {
        Make("a.jpg", ".b.jpg", ".DS_Store", ".thumbs/c.jpg", "c.heic", "d.HEIC", "e.txt", "README", "sub/f.tar.gz");
        File.WriteAllText(_folder["empty.png"], "");
        PhotoSet photos = Set("");
        Assert.Equal(["a.jpg"], Names(photos));
        Assert.Equal(
            [
                "2 hidden files and 1 hidden folder were skipped", "5 files of other formats were skipped: 2 .heic, 1 without an ending, 1 .gz, 1 .txt",
                "1 empty file, pipe or device was skipped",
            ], photos.Notes);
    }

    [Fact]
    public void A_name_that_is_not_UTF_8_is_reported_and_not_treated_as_hidden()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "macOS and Windows keep no such names");
        Make("a.jpg", "\uFFFD.png");
        Shell("cd \"$0\" && : > \"$(printf 'bad\\377.png')\"");
        PhotoSet[] both = [Set(""), Set("*.*")];
        // .NET cannot delete it, either.
        Shell("rm \"$0\"/bad*");
        foreach (PhotoSet photos in both)
        {
            Assert.Equal(["a.jpg", "\uFFFD.png"], Names(photos));
            Assert.Equal(["1 name that is not UTF-8 was skipped: rename the files to use them"], photos.Notes);
        }

        void Shell(string command) => Process.Start("sh", ["-c", command, _folder[""]]).WaitForExit();
    }

    [Fact]
    public void Pipes_are_skipped_unopened()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no pipes in folders");
        Make("a.jpg");
        Process.Start("mkfifo", [_folder["pipe.jpg"]]).WaitForExit();
        File.CreateSymbolicLink(_folder["zero.png"], "/dev/zero");
        File.CreateSymbolicLink(_folder["pipe.png"], "pipe.jpg");
        PhotoSet photos = Set("");
        Assert.Equal(["a.jpg"], Names(photos));
        Assert.Equal(["3 empty files, pipes or devices were skipped"], photos.Notes);
    }

    [Fact]
    public void A_picture_that_the_program_drew_is_skipped_unless_nothing_else_was_named()
    {
        Make("a.jpg", "b.png", "c.iba.png");
        PngFile.Write(_folder["drawn.png"], new Canvas(2, 2, Rgb.Grey(1)));
        File.WriteAllBytes(_folder["from an earlier release.PNG"],
            PngFile.Encode(new byte[3], 1, 1, KeyValuePair.Create("Title", ""), KeyValuePair.Create("weights_sha256", "")));
        File.WriteAllBytes(_folder["photo.png"],
            PngFile.Encode(new byte[3], 1, 1, KeyValuePair.Create("Software", "iba 2"), KeyValuePair.Create("Comment", "iba")));
        PhotoSet photos = Set("");
        Assert.Equal(["a.jpg", "b.png", "photo.png"], Names(photos));
        Assert.Equal(["3 pictures that this program drew were skipped"], photos.Notes);

        // What a shell makes of *.png.
        PhotoSet some = Set("drawn.png", "c.iba.png", "b.png");
        Assert.Equal(["b.png"], Names(some));
        Assert.Equal(["2 pictures that this program drew were skipped"], some.Notes);
        PhotoSet only = Set("drawn.png");
        Assert.Equal(["drawn.png"], Names(only));
        Assert.Contains("drawn by this program", Assert.Single(only.Notes));
    }

    [Fact]
    public void Linked_photos_and_folders_are_found_once_and_their_own_path_wins()
    {
        SkipWithoutLinks();
        Make("photos/z/1.jpg", "pool/2.jpg", "pool/3.jpg", "other/4.jpg");
        Link("photos/a", "z");
        Link("photos/ext", "../pool");
        Link("photos/again", _folder["pool"]);
        Link("photos/first.jpg", "z/1.jpg");
        Link("photos/only.jpg", "../pool/../other/4.jpg");
        PhotoSet photos = Set("photos");
        Assert.Equal(["only.jpg", "again/2.jpg", "again/3.jpg", "z/1.jpg"], Names(photos));
    }

    [Fact]
    public void Mazes_of_links_end_and_count_each_photo_once()
    {
        SkipWithoutLinks();
        Make("photos/1.jpg", "photos/2.jpg", "beside.jpg");
        Link("photos/up", "..");
        Link("photos/self", ".");
        foreach ((string from, string to) in ((string, string)[])[("p", "q"), ("q", "r"), ("r", "s"), ("s", "p")])
            Link($"photos/{from}", to);
        for (int from = 0; from < 8; from++)
        {
            Make($"photos/folder{from}/{from}.jpg");
            for (int to = 0; to < 8; to++)
                Link($"photos/folder{from}/to{to}", $"../folder{to}");
        }
        PhotoSet photos = Set("photos");
        Assert.Equal(["1.jpg", "2.jpg", .. Enumerable.Range(0, 8).Select(i => $"folder{i}/{i}.jpg")], Names(photos));
        Assert.Equal(["4 broken links were skipped", "1 link to a folder above was not followed"], photos.Notes);
    }

    [Theory]
    [InlineData("*.jpg", "1.jpg", "2.jpg")]
    [InlineData("?.jpg", "1.jpg", "2.jpg")]
    [InlineData("[2-9].*", "2.jpg")]
    [InlineData("[!2-9].jp*", "1.jpg")]
    [InlineData("*/*.png", "cat/3.png", "dog/4.png")]
    [InlineData("**/*.png", "cat/3.png", "dog/4.png", "dog/deep/5.png")]
    [InlineData("**/deep/*", "dog/deep/5.png")]
    [InlineData("d*", "dog/4.png", "dog/deep/5.png")]
    [InlineData("dog/**", "4.png", "deep/5.png")]
    [InlineData("**", "1.jpg", "2.jpg", "cat/3.png", "dog/4.png", "dog/deep/5.png")]
    [InlineData("./dog/../*.jpg", "1.jpg", "2.jpg")]
    [InlineData(".hid*/*", ".hidden/6.jpg")]
    public void A_pattern_takes_the_files_that_match(string pattern, params string[] expected)
    {
        Make("1.jpg", "2.jpg", ".7.jpg", "cat/3.png", "dog/4.png", "dog/deep/5.png", ".hidden/6.jpg");
        PhotoSet photos = Set(pattern);
        Assert.Equal(expected, Names(photos));
        Assert.All(photos.Files, file => Assert.True(File.Exists(file.Path), file.Path));
    }

    [Fact]
    public void A_pattern_counts_the_matches_that_are_no_photos()
    {
        Make("1.jpg", "2.txt", "sub/3.heic");
        Assert.Equal(["1 file of another format was skipped: 1 .txt"], Set("*.*").Notes);
        ImageException none = Assert.Throws<ImageException>(() => Set("*/*"));
        Assert.Contains("no photo matches this pattern; 1 file of another format was skipped: 1 .heic", none.Message);
    }

    [Fact]
    public void A_name_with_wildcards_that_is_there_is_that_file()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows allows no * in names");
        Make("a*.jpg", "ab.jpg", "[1].jpg", "1.jpg", "year [2020]/2.jpg");
        Assert.Equal(["a*.jpg"], Names(Set("a*.jpg")));
        Assert.Equal(["[1].jpg"], Names(Set("[1].jpg")));
        Assert.Equal(["2.jpg"], Names(Set("year [2020]/*.jpg")));
        Assert.Equal(["a*.jpg"], Names(Set("a[*].jpg")));
    }

    [Fact]
    public void Names_keep_their_order_and_each_photo_counts_once()
    {
        Make("b/1.jpg", "a/2.jpg", "3.jpg");
        PhotoSet photos = Set("3.jpg", "b", "a/../3.jpg", "-", "a/*.jpg", "b/1.jpg", "-");
        Assert.Equal(["3.jpg", "1.jpg", "-", "2.jpg"], Names(photos));
        Assert.Equal(["3 further names of the same photos were skipped"], photos.Notes);
    }

    [Fact]
    public void A_name_without_photos_fails_beside_others_and_alone_is_an_error()
    {
        Make("a.jpg", "texts/b.txt", "texts/.c.jpg");
        PhotoSet photos = Set("texts", "a.jpg", "absent.jpg", "*.gif");
        Assert.Equal(["a.jpg"], Names(photos));
        Assert.Equal([_folder["texts"], _folder["absent.jpg"], _folder["*.gif"]], photos.Failures.Select(failure => failure.Subject));
        Assert.Contains("there is no photo in this folder; 1 hidden file was skipped; 1 file of another format was skipped: 1 .txt",
            Assert.Throws<ImageException>(() => Set("texts")).Message);
        Assert.Contains(".jpg, .jpeg", Assert.Throws<ImageException>(() => Set("texts")).Message);
        Assert.Contains("there is no such file or folder", Assert.Throws<ImageException>(() => Set("none")).Message);
        Assert.Contains("no photo matches", Assert.Throws<ImageException>(() => Set("none/*.jpg")).Message);
    }

    private PhotoSet Set(params string[] names) => new([.. names.Select(name => name == PhotoSet.StandardInput ? name : _folder[name])]);

    private static IEnumerable<string> Names(PhotoSet photos) => photos.Files.Select(file => file.Name);

    private static void SkipWithoutLinks() => Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");

    private void Link(string name, string target) => File.CreateSymbolicLink(_folder[name], target);

    private void Make(params string[] files)
    {
        foreach (string file in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder[file])!);
            File.WriteAllText(_folder[file], "x");
        }
    }
}
