"""Check orders and uploads, the same way for the pages and the API."""

import uuid

from django import forms
from django.core.files.uploadedfile import UploadedFile

from .models import Product

MAX_PRICE_LIST = 10 * 1024 * 1024  # bytes; below MAX_BODY_SIZE in the settings


class OrderForm(forms.Form):
    product = forms.ModelChoiceField(Product.objects.all(), to_field_name="sku", empty_label=None)
    quantity = forms.IntegerField(min_value=1, max_value=100, initial=1)
    email = forms.EmailField()
    # Sending the same form twice, by a double click or a reload, makes one order.
    key = forms.CharField(max_length=100, widget=forms.HiddenInput, initial=uuid.uuid4)


class PriceListForm(forms.Form):
    file = forms.FileField(help_text="CSV in UTF-8, with article number, name and price on each line")

    def clean_file(self) -> UploadedFile:
        file = self.cleaned_data["file"]
        if file.size > MAX_PRICE_LIST:
            raise forms.ValidationError(f"The file is larger than {MAX_PRICE_LIST // 1024 // 1024} MB.")
        return file
