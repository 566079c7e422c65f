using Iba.Labels;
using Tests.Weights;
using Xunit;

namespace Tests.Labels;

public sealed class ClassLabelsTests
{
    [Fact]
    public void A_network_of_1000_classes_speaks_ImageNets_words()
    {
        var labels = ClassLabels.For(1000);
        Assert.Equal("tabby", labels[281]);
        Assert.Equal("tabby (281)", labels.Describe(281));
        Assert.Equal(281, labels.Find("Tabby cat", 1000));
        Assert.Equal(281, labels.Find("281", 1000));
        Assert.Equal("toilet tissue", labels[999]);
    }

    [Fact]
    public void Any_other_network_speaks_numbers()
    {
        var labels = ClassLabels.For(10);
        Assert.Equal("class 3", labels.Describe(3));
        Assert.Equal(3, labels.Find("3", 10));
        Assert.Null(labels.Find("10", 10));
        Assert.Null(labels.Find("-1", 10));
        Assert.Null(labels.Find("tabby", 10));
    }

    [Fact]
    public void A_name_that_two_classes_share_is_none()
    {
        // Both 134 and 517 are "crane".
        Assert.Null(ClassLabels.ImageNet.Find("crane", 1000));
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
}
