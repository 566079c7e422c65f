using Iba.Labels;
using Xunit;

namespace Tests.Labels;

public sealed class ClassLabelsTests
{
    [Fact]
    public void A_network_of_1000_classes_has_ImageNets_names()
    {
        var labels = ClassLabels.For(1000);
        Assert.Equal("tabby", labels[281]);
        Assert.Equal("tabby (281)", labels.Describe(281));
        Assert.Equal(281, labels.Find("Tabby cat", 1000));
        Assert.Equal(281, labels.Find("281", 1000));
        Assert.Equal("toilet tissue", labels[999]);
    }

    [Fact]
    public void Any_other_network_has_numbers_as_names()
    {
        var labels = ClassLabels.For(10);
        Assert.Equal("class 3", labels.Describe(3));
        Assert.Equal(3, labels.Find("3", 10));
        Assert.Null(labels.Find("10", 10));
        Assert.Null(labels.Find("-1", 10));
        Assert.Null(labels.Find("tabby", 10));
    }

    [Theory]
    [InlineData("n01440764", 0)]
    [InlineData("N02012849", 134)]
    [InlineData("n03126707", 517)]
    [InlineData("n15075141", 999)]
    [InlineData("maillot, tank suit", 639)]
    [InlineData(" TANK SUIT ", 639)]
    [InlineData("sunglass", 836)]
    [InlineData("sunglasses", 837)]
    public void A_class_is_found_by_WordNet_id_and_by_name_in_any_case(string text, int expected)
    {
        Assert.Equal(expected, ClassLabels.ImageNet.Class(text, 1000));
        Assert.Equal(expected, ClassLabels.ImageNet.Find(text, 1000));
    }

    [Theory]
    [InlineData("crane", "134 or n02012849", "517 or n03126707")]
    [InlineData("Maillot", "638 or n03710637", "639 or n03710721, maillot, tank suit")]
    [InlineData("missile", "657 or n03773504", "744 or n04008634")]
    public void A_name_that_two_classes_share_is_none_and_the_error_lists_both(string name, params string[] classes)
    {
        Assert.Null(ClassLabels.ImageNet.Find(name, 1000));
        string message = Assert.Throws<ArgumentException>(() => ClassLabels.ImageNet.Class(name, 1000)).Message;
        Assert.All(classes, one => Assert.Contains(one, message));
    }

    [Theory]
    [InlineData("1000")]
    [InlineData("-1")]
    [InlineData("1,0")]
    [InlineData("n00000000")]
    [InlineData("")]
    public void What_no_class_is_called_is_refused(string text) =>
        Assert.Contains("0 to 999", Assert.Throws<ArgumentException>(() => ClassLabels.ImageNet.Class(text, 1000)).Message);

    /// <summary>torchvision numbers the classes by the order of their folders, which the ids name.</summary>
    [Fact]
    public void WordNet_ids_are_in_ordinal_order_and_differ()
    {
        string[] ids = [.. Enumerable.Range(0, 1000).Select(k => ClassLabels.ImageNet.WordNetId(k)!)];
        Assert.Equal(ids.Distinct().Order(StringComparer.Ordinal), ids);
    }

    [Fact]
    public void A_file_may_name_WordNet_ids()
    {
        using var folder = new TemporaryFolder();
        var labels = ClassLabels.Read(folder.With("labels.txt", "n01440764 tench, Tinca tinca\nn03126707\tcrane\nn02012849\n"u8), 3);
        Assert.Equal(["tench", "crane", "n02012849"], Enumerable.Range(0, 3).Select(k => labels[k]));
        Assert.Equal((1, 2), (labels.Class("n03126707", 3), labels.Class("n02012849", 3)));
    }

    [Fact]
    public void A_file_must_name_every_class()
    {
        using var folder = new TemporaryFolder();
        string path = folder.With("labels.txt", "ring\n1\tstar\n\ncross, plus\n"u8);
        var labels = ClassLabels.Read(path, 3);
        Assert.Equal(["ring", "star", "cross"], Enumerable.Range(0, 3).Select(i => labels[i]));
        Assert.Equal(2, labels.Find("plus", 3));
        Assert.Contains("names 3 classes, but the network has 4", Assert.Throws<InvalidDataException>(() => ClassLabels.Read(path, 4)).Message);
    }

    [Fact]
    public void A_list_of_classes_that_does_not_end_is_refused()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, new string('a', 1 << 23));
            Assert.Contains("more than 8388608 characters", Assert.Throws<InvalidDataException>(() => ClassLabels.Read(path)).Message);
            File.WriteAllText(path, "tench\n" + new string('a', 1001));
            Assert.Contains("a line of 1001 characters", Assert.Throws<InvalidDataException>(() => ClassLabels.Read(path)).Message);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
