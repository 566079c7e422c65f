using Iba.Images;
using Xunit;

namespace Tests.Images;

public sealed class ImageFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("iba-images").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Files_come_in_ordinal_order_with_the_first_sub_folder_as_class()
    {
        Make("b.png", "a.jpg", "Z.JPEG", "notes.txt", "dog/2.webp", "dog/10.png", "dog/deep/1.gif", "Cat/1.bmp", "empty/readme.md");
        var folder = new ImageFolder(_folder);
        Assert.Equal(["Z.JPEG", "a.jpg", "b.png", "Cat/1.bmp", "dog/10.png", "dog/2.webp", "dog/deep/1.gif"],
            folder.Files.Select(file => Path.GetRelativePath(_folder, file.Path).Replace('\\', '/')));
        Assert.Equal([null, null, null, "Cat", "dog", "dog", "dog"], folder.Files.Select(file => file.Class));
        Assert.Equal(["Cat", "dog"], folder.Classes);
    }

    [Fact]
    public void Linked_images_are_found_and_linked_circles_end()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        Make("real/a.png");
        File.CreateSymbolicLink(Path.Combine(_folder, "link.png"), Path.Combine(_folder, "real", "a.png"));
        Directory.CreateSymbolicLink(Path.Combine(_folder, "real", "circle"), _folder);
        Directory.CreateSymbolicLink(Path.Combine(_folder, "real", "self"), Path.Combine(_folder, "real"));
        Assert.Equal(["link.png", "real/a.png"], new ImageFolder(_folder).Files.Select(file => Path.GetRelativePath(_folder, file.Path)));
    }

    [Fact]
    public void A_folder_without_images_is_an_error_that_says_what_was_looked_for()
    {
        Make("a.txt");
        Assert.Contains(".jpg, .jpeg, .png", Assert.Throws<ImageException>(() => new ImageFolder(_folder)).Message);
        Assert.Contains("there is no such folder", Assert.Throws<ImageException>(() => new ImageFolder(Path.Combine(_folder, "none"))).Message);
        Assert.Contains("this is a file", Assert.Throws<ImageException>(() => new ImageFolder(Path.Combine(_folder, "a.txt"))).Message);
    }

    private void Make(params string[] files)
    {
        foreach (string file in files)
        {
            string path = Path.Combine(_folder, file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, "");
        }
    }
}
